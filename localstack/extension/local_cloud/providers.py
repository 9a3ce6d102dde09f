"""The services that LocalStack core lacks, as the entry points in `pyproject.toml` name them."""

from typing import Any

from local_cloud import emulator
from local_cloud.moto_service import service

_aws_provider = emulator.module("services.plugins").aws_provider


@_aws_provider(api="emr")
def emr() -> Any:
    from local_cloud import emr

    return service("emr", emr.handlers())


@_aws_provider(api="emr-serverless")
def emr_serverless() -> Any:
    from local_cloud import emr_serverless

    return service("emr-serverless", emr_serverless.handlers())


@_aws_provider(api="kafka")
def kafka() -> Any:
    from local_cloud import msk

    return service("kafka", msk.handlers())


@_aws_provider(api="glue")
def glue() -> Any:
    return service("glue", {})


@_aws_provider(api="athena")
def athena() -> Any:
    from local_cloud import athena

    return service("athena", athena.handlers())
