"""Which reader opens which codec and encoding, and what they cost: the tables of docs/formats.md.

    codecs.py LAKE OUT [READER ...]

LAKE is one that `check.py` made; OUT gets the same silver in every variant, as Arrow's C++ writer writes it.
"""

import multiprocessing
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import adapters
import pyarrow.parquet as pq
from adapters.arrow import from_arrow
from adapters.pyarrow_reader import scan
from adapters.reader import Reader
from table import Table, canonical

CODECS = {
    "uncompressed": {"compression": "none"},
    "snappy": {"compression": "snappy"},
    "lz4_raw": {"compression": "lz4"},
    "zstd-1": {"compression": "zstd", "compression_level": 1},
    "zstd-3": {"compression": "zstd", "compression_level": 3},
    "gzip": {"compression": "gzip"},
}

# Each with the columns that it suits.
ENCODINGS = {
    "plain": {"use_dictionary": False},
    "dictionary": {"use_dictionary": True},
    "delta binary packed, small steps": {"column_encoding": {"offset": "DELTA_BINARY_PACKED"}},
    "delta binary packed, times": {"column_encoding": {"event_time": "DELTA_BINARY_PACKED"}},
    "delta binary packed, all 64 bits": {"column_encoding": {"battery": "DELTA_BINARY_PACKED"}},
    "delta length byte array": {"column_encoding": {"event_id": "DELTA_LENGTH_BYTE_ARRAY"}},
    "delta byte array": {"column_encoding": {"event_id": "DELTA_BYTE_ARRAY"}},
    "byte stream split": {"column_encoding": {"event_duration": "BYTE_STREAM_SPLIT"}},
}


def main(lake: Path, out: Path, names: list[str]) -> None:
    silver = scan(lake / "silver/everything").to_table().drop(["event_date"])
    variants = {f"codec {name}": options for name, options in CODECS.items()}
    variants |= {f"encoding {name}": without_dictionary(options) for name, options in ENCODINGS.items()}
    folders = {name: out / name.replace(" ", "-").replace(",", "") for name in variants}
    for name, options in variants.items():
        folders[name].mkdir(parents=True)
        pq.write_table(silver, folders[name] / "silver.parquet", store_schema=False, **options)
    opened = {name: attempts(name, list(folders.values())) for name in names or adapters.NAMES}
    print("| variant | bytes per row", *opened, sep=" | ", end=" |\n")
    print("|---" * (2 + len(opened)) + "|")
    for variant, folder in folders.items():
        size = (folder / "silver.parquet").stat().st_size / silver.num_rows
        print(f"| {variant} | {size:.1f}", *(seen[folder] for seen in opened.values()), sep=" | ", end=" |\n")


def without_dictionary(options: dict) -> dict:
    return {"compression": "snappy", "use_dictionary": False} | options


def attempts(name: str, folders: list[Path]) -> dict[Path, str]:
    """What the reader makes of each file: `yes`, `wrong`, `refuses` or `crashes`."""
    seen: dict[Path, str] = {}
    while len(seen) < len(folders):
        rest = folders[len(seen) :]
        here, there = multiprocessing.get_context("fork").Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(target=read_all, args=(name, rest, there))
        process.start()
        there.close()
        try:
            for folder in rest:
                seen[folder] = here.recv()
        except EOFError:
            seen[folder] = "**crashes**"
        process.join()
    return seen


def read_all(name: str, folders: list[Path], result: Connection) -> None:
    reader = adapters.start(name)
    for folder in folders:
        result.send(read(reader, folder))
    reader.close()


def read(reader: Reader, folder: Path) -> str:
    """Compares what the reader sees with what pyarrow sees, which wrote the file."""
    try:
        seen = reader.read(folder)
    except Exception as error:  # noqa: BLE001, whatever a reader throws is its answer
        print(reader.name, folder.name, error, file=sys.stderr)
        return "refuses"
    expected = from_arrow(scan(folder).to_table())
    wrong = [column for column in expected.types if not alike(reader, expected, seen, column)]
    return f"**wrong**: {', '.join(wrong)}" if wrong else "yes"


def alike(reader: Reader, expected: Table, seen: Table, column: str) -> bool:
    plain = lambda value: value.decode() if reader.text_is_bytes and isinstance(value, bytes) else value
    by_id = lambda table: {plain(row): plain(value) for row, value in zip(table.columns["event_id"], table.columns[column])}
    expected_values, seen_values = by_id(expected), by_id(seen)
    same = lambda row: row in seen_values and canonical(seen_values[row]) == canonical(expected_values[row])
    return len(seen_values) == len(expected_values) and all(map(same, expected_values))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
