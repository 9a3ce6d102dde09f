"""The files below a folder, through Hadoop: EMR's S3, S3A, or a directory, with the settings that Spark has.

Only small files go this way: what a lake says of itself, and reports.
"""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Entry:
    name: str
    bytes: int
    is_folder: bool


class Files:
    """Keys are relative to the root, with `/` between their parts."""

    def __init__(self, spark: SparkSession, root: str):
        self.root = root.rstrip("/")
        # Spark's Python types do not describe what Java has.
        self._java: Any = spark.sparkContext._jvm
        java_context: Any = spark.sparkContext._jsc
        self._files: Any = self._path("").getFileSystem(java_context.hadoopConfiguration())
        # On a local disk Hadoop would put a file with checksums beside each of ours.
        self._files.setWriteChecksum(False)
        self.configuration: Any = java_context.hadoopConfiguration()

    def url(self, key: str) -> str:
        return f"{self.root}/{key}" if key else self.root

    def exists(self, key: str) -> bool:
        return bool(self._files.exists(self._path(key)))

    def list(self, folder: str) -> list[Entry]:
        """What stands in the folder, by name; nothing if there is no such folder."""
        if not self.exists(folder):
            return []
        statuses = self._files.listStatus(self._path(folder))
        entries = [Entry(one.getPath().getName(), one.getLen(), one.isDirectory()) for one in statuses]
        return sorted(entries, key=lambda entry: entry.name)

    def read(self, key: str) -> bytes:
        stream = self._files.open(self._path(key))
        try:
            return bytes(self._java.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()

    def write(self, key: str, content: bytes) -> None:
        stream = self._files.create(self._path(key), True)
        try:
            stream.write(content)
        finally:
            stream.close()

    def rename(self, key: str, to: str) -> bool:
        """Whether it was moved; not, if something stands there already."""
        if self.exists(to):
            return False
        return bool(self._files.rename(self._path(key), self._path(to)))

    def remove(self, key: str) -> None:
        """Removes a file, or a folder with all that is in it."""
        self._files.delete(self._path(key), True)

    def footer_entry(self, key: str, entry: str) -> str:
        """What the footer of a Parquet file says under a name."""
        hadoop = self._java.org.apache.parquet.hadoop
        file = hadoop.util.HadoopInputFile.fromPath(self._path(key), self.configuration)
        reader = hadoop.ParquetFileReader.open(file)
        try:
            return str(reader.getFileMetaData().getKeyValueMetaData().get(entry))
        finally:
            reader.close()

    def _path(self, key: str) -> Any:
        return self._java.org.apache.hadoop.fs.Path(self.url(key))
