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

    schema = _readable(_reader(files[0]).schema)
    reader = pa.RecordBatchReader.from_batches(schema, _batches(files, schema))
    name = f"__arrow{next(_numbers)}"
    connection.register(name, reader)
    return quoted(name)


def _batches(files: Sequence[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for file in files:
        for batch in _reader(file):
            yield batch if batch.schema.equals(schema) else batch.cast(schema)


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
    except (pa.ArrowException, OSError, ValueError) as error:
        unreadable(
            name,
            "is no Arrow IPC file, or one that was cut short",
            "write it again, with `pyarrow.ipc.new_file` or `feather.write_feather`",
            notes=(str(error).split("\n")[0],),
        )
    names = [str(column) for column in schema.names]
    if any(not column.strip() for column in names):
        unreadable(name, "has a column without a name")
    twice(names, name)
    return _types(connection, _readable(schema), name)


def _readable(schema: pa.Schema) -> pa.Schema:
    """The schema with types that the engine reads; each holds all that its original holds."""
    import pyarrow as pa

    return pa.schema([field.with_type(_plain(field.type)) for field in schema])


def _plain(type: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_string_view(type):
        return pa.large_string()
    if t.is_binary_view(type):
        return pa.large_binary()
    return pa.float32() if t.is_float16(type) else type


def _types(connection: Connection, schema: pa.Schema, name: str) -> tuple[tuple[str, str], ...]:
    """The columns with what the engine calls their types."""
    import duckdb
    import pyarrow as pa

    try:
        connection.register("__schema", schema.empty_table())
        rows = connection.execute("DESCRIBE SELECT * FROM __schema").fetchall()
        connection.unregister("__schema")
        return tuple((str(row[0]), str(row[1])) for row in rows)
    except (duckdb.Error, pa.ArrowException) as error:
        note = str(error).split("\n")[0]
        if len(schema) == 1:
            unreadable(
                name,
                f"has a column `{schema[0].name}` of type {schema[0].type}, which cannot be read",
                "write it as another type: text, a float, or a decimal of at most 38 digits",
                notes=(note,),
            )
        # Which of them it was, the engine does not say.
        return tuple(_types(connection, pa.schema([field]), name)[0] for field in schema)


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
