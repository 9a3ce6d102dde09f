"""An extension of LocalStack core that makes a cloud of one machine: real processes behind Lambda and EMR, no Docker.

`plugins` and `providers` are what the emulator loads.
`runtime_api`, `environment`, `metrics` and `jobs` know no emulator.
"""
