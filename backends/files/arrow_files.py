"""Arrow IPC files and streams, read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from backends.duckdb.connection import Connection
from backends.duckdb.text import name as quoted
from backends.files.parquet_files import refuse_pickled_types
from backends.files.part import Part, Say, Wanted, empty, grouped, twice, unreadable

if TYPE_CHECKING:
    import pyarrow as pa

_MAGIC = b"ARROW1\0\0"
_numbers = count()


def open_arrow(
    connection: Connection, files: Sequence[Path], _wanted: Wanted, say: Say
) -> Sequence[Part]:
    """Parts of Arrow IPC files, by their schemas."""
    columns = [_columns(connection, file, say(file)) for file in files]
    return [
        Part(members, names, lambda some: _scan(connection, some), "arrow")
        for members, names in grouped(files, columns)
    ]


def _scan(connection: Connection, files: Sequence[Path]) -> str:
    """Register a reader over the files; it can be read once, so every scan has its own."""
    import pyarrow as pa

    schema = _reader(files[0]).schema
    reader = pa.RecordBatchReader.from_batches(schema, _batches(files))
    name = f"__arrow{next(_numbers)}"
    connection.register(name, reader)
    return quoted(name)


def _batches(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for file in files:
        yield from _reader(file)


def _reader(file: Path) -> pa.RecordBatchReader:
    import pyarrow as pa

    with file.open("rb") as handle:
        magic = handle.read(6)
    source = pa.memory_map(str(file))
    if magic != _MAGIC[:6]:
        return pa.ipc.open_stream(source)
    opened = pa.ipc.open_file(source)
    batches = (opened.get_batch(i) for i in range(opened.num_record_batches))
    return pa.RecordBatchReader.from_batches(opened.schema, batches)


def _columns(connection: Connection, file: Path, name: str) -> tuple[tuple[str, str], ...]:
    import pyarrow as pa

    if file.stat().st_size == 0:
        empty(name)
    refuse_pickled_types(_schema_bytes(file), name)
    try:
        schema = _reader(file).schema
        connection.register("__schema", schema.empty_table())
    except (pa.ArrowException, OSError, ValueError) as error:
        unreadable(
            name,
            "is no Arrow IPC file, or one that was cut short",
            "write it again, with `pyarrow.ipc.new_file` or `feather.write_feather`",
            notes=(str(error).split("\n")[0],),
        )
    rows = connection.execute("DESCRIBE SELECT * FROM __schema").fetchall()
    connection.unregister("__schema")
    columns = tuple((str(row[0]), str(row[1])) for row in rows)
    twice([str(column) for column in schema.names], name)
    return columns


def _schema_bytes(file: Path) -> bytes:
    """The schema message at the head of the file, as it is written."""
    with file.open("rb") as handle:
        head = handle.read(16)
        if head.startswith(_MAGIC):
            handle.seek(8)
        else:
            handle.seek(0)
        prefix = handle.read(8)
        if prefix[:4] == b"\xff\xff\xff\xff":
            length = int.from_bytes(prefix[4:8], "little")
        else:
            length = int.from_bytes(prefix[:4], "little")
        return handle.read(min(length, 64 << 20))
