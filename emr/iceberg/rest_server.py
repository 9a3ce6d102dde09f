"""Iceberg's own server of its REST protocol, on 127.0.0.1, with the tables' names in a file of SQLite."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

# Hadoop, by which the server reads and writes local files, is the one that Spark has.
SPARK = Path(pyspark.__file__).parent / "jars"
FROM_SPARK = ("hadoop-client-*.jar", "commons-logging-*.jar")


@contextmanager
def running_rest_catalog(folder: Path, warehouse: str) -> Iterator[str]:
    """Its URL."""
    gateway = _java()
    try:
        java = gateway.jvm
        catalog = java.org.apache.iceberg.jdbc.JdbcCatalog()
        names = {"uri": f"jdbc:sqlite:{folder}/rest.db", "jdbc.schema-version": "V1", "warehouse": warehouse}
        catalog.initialize("rest", names)
        adapter = java.org.apache.iceberg.rest.RESTCatalogAdapter(catalog)
        servlet = java.org.apache.iceberg.rest.RESTCatalogServlet(adapter)
        handler = java.org.eclipse.jetty.servlet.ServletContextHandler()
        handler.addServlet(java.org.eclipse.jetty.servlet.ServletHolder(servlet), "/*")
        # The server that Iceberg starts itself would listen everywhere.
        server = java.org.eclipse.jetty.server.Server(java.java.net.InetSocketAddress("127.0.0.1", 0))
        server.setHandler(handler)
        server.start()
        yield f"http://127.0.0.1:{server.getURI().getPort()}"
        server.stop()
    finally:
        gateway.shutdown()


def _java() -> JavaGateway:
    jars = [jar for name in FROM_SPARK for jar in SPARK.glob(name)]
    jars.extend(Path(os.environ["ICEBERG_JARS"]).glob("sqlite-jdbc-*.jar"))
    classes = ":".join([f"{os.environ['REST_JARS']}/*", *map(str, jars)])
    [bridge] = SPARK.glob("py4j-*.jar")
    port, token = launch_gateway(classpath=classes, jarpath=str(bridge), die_on_exit=True, enable_auth=True)
    return JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token, auto_convert=True))
