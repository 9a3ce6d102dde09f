"""Makes the emulator's Kinesis quick where a shard holds many records.

It is a program for Node, compiled from Scala. Of each record that it takes, it hashes all that the record's shard holds
so far, and every one of those anew. Records never change, so ours remember their hashes; nothing else of it is touched.
"""

import logging
import re
from pathlib import Path
from typing import Any

from local_cloud import emulator

LOG = logging.getLogger(__name__)

# The number is the hash of the class's name, with which the hash of each record begins.
HASH_OF_A_RECORD = re.compile(r"return (\w+\(this,-171008355,!0\))")


def remember_hashes() -> None:
    server = emulator.module("services.kinesis.kinesis_mock_server").KinesisMockNodeServer
    create = server._create_shell_command

    def create_quicker(self: Any) -> Any:
        (*node, program), variables = create(self)
        copy = Path(emulator.module("config").dirs.tmp) / "kinesis.js"
        copy.write_text(quicker(Path(program).read_text()))
        return [*node, str(copy)], variables

    server._create_shell_command = create_quicker


def quicker(program: str) -> str:
    """The program whose records remember their hashes."""
    quicker, found = HASH_OF_A_RECORD.subn(r"return this.rememberedHash??=\1", program)
    if found != 1:
        LOG.warning("this version of Kinesis is not known: it stays slow where a shard holds many records")
        return program
    return quicker
