"""The catalogue of the Iceberg tables, as Spark knows it, by the URL that `penstock-tables` takes."""

import os

from pyspark.sql import SparkSession

from penstock_spark.failure import misuse

NAME = "penstock"
"""In a SQL catalogue tables stand under this name, so Spark must call the catalogue the same."""


def register(spark: SparkSession, url: str, lake: str) -> None:
    """From now on the session has the tables as `penstock.NAMESPACE.DATASET_raw` and so on."""
    for name, value in settings(url, lake).items():
        spark.conf.set(name, value)


def settings(url: str, lake: str) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{NAME}"
    own = _kind(url, f"{lake}/tables")
    return {prefix: "org.apache.iceberg.spark.SparkCatalog", **{f"{prefix}.{name}": own[name] for name in own}}


def _kind(url: str, folder: str) -> dict[str, str]:
    if url == "glue":
        return {
            "catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
            "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "warehouse": folder,
        }
    if url.startswith("sqlite://"):
        return {
            "catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
            "uri": f"jdbc:sqlite:{url.removeprefix('sqlite://')}",
            "jdbc.schema-version": "V1",
            "warehouse": folder,
        }
    if url.startswith(("http://", "https://")):
        server, _, warehouse = url.partition("?warehouse=")
        rest = {"type": "rest", "uri": server, **_credential()}
        return {**rest, "warehouse": warehouse} if warehouse else rest
    raise misuse(f"{url!r} is no catalogue: write sqlite:///DIR/catalog.db, https://HOST/PATH or glue")


def _credential() -> dict[str, str]:
    given = os.environ.get("PENSTOCK_CATALOG_CREDENTIAL", "none")
    if given == "none":
        return {}
    return {"credential" if ":" in given else "token": given}
