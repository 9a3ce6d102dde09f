"""The entry of the p95 job: spark-submit --py-files penstock_spark.zip p95_job.py --lake URL ..."""

import sys
from datetime import UTC, datetime

from pyspark.sql import SparkSession

from penstock_spark import arguments, p95
from penstock_spark.main import carry_out


def run(spark: SparkSession, given: arguments.Arguments) -> int:
    print(p95.run(spark, given))
    return 0


if __name__ == "__main__":
    sys.exit(carry_out("p95", lambda: arguments.parse(sys.argv[1:], datetime.now(UTC)), run))
