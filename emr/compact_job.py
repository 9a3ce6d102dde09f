"""The entry of the compaction: spark-submit --py-files penstock_spark.zip compact_job.py --catalog URL ..."""

import sys
from datetime import UTC, datetime

from penstock_spark import compact
from penstock_spark.main import carry_out

if __name__ == "__main__":
    sys.exit(carry_out("compact", lambda: compact.parse(sys.argv[1:], datetime.now(UTC)), compact.run))
