"""DuckDB: the text of emr/p95.sql on silver, with all cores: duckdb_p95.py LAKE SCRATCH"""

import json
import sys
from pathlib import Path

import duckdb

lake, scratch = map(Path, sys.argv[1:])
scratch.mkdir(parents=True, exist_ok=True)
connection = duckdb.connect(config={"temp_directory": str(scratch), "preserve_insertion_order": False})
connection.execute(f"""
    CREATE VIEW silver AS
    FROM read_parquet('{lake}/silver/iot/**/*.parquet', hive_types = {{'event_date': VARCHAR}})
""")
found = connection.execute((Path(__file__).parents[3] / "emr/p95.sql").read_text())
names = [column[0] for column in found.description]
print(json.dumps([dict(zip(names, row, strict=True)) for row in found.fetchall()]))
