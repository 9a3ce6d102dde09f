"""The entry of the check of a lake: spark-submit --py-files penstock_spark.zip validate_job.py --lake URL ..."""

import sys

from penstock_spark import validate
from penstock_spark.main import carry_out

if __name__ == "__main__":
    sys.exit(carry_out("validate", lambda: validate.parse(sys.argv[1:]), validate.run))
