"""Arrow batches of a database without the extension types that DuckDB does not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import pyarrow as pa


def plain(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The same rows with plain columns: UUIDs and what is unknown become text."""
    import pyarrow as pa

    schema = plain_schema(reader.schema)
    if schema.equals(reader.schema.remove_metadata()):
        return reader

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            columns = [_plain_column(column) for column in batch.columns]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with plain types."""
    import pyarrow as pa

    return pa.schema([pa.field(field.name, plain_type(field.type)) for field in schema])


def is_numeric(type: pa.DataType) -> bool:
    """Whether it is PostgreSQL's decimal of any size, which arrives as text."""
    return getattr(type, "type_name", None) == "numeric"


def plain_type(type: pa.DataType) -> pa.DataType:
    """The plain type of a column."""
    import pyarrow as pa

    if not isinstance(type, pa.BaseExtensionType):
        return type
    return pa.string() if type.extension_name == "arrow.uuid" else type.storage_type


def _plain_column(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    if not isinstance(column.type, pa.BaseExtensionType):
        return column
    if column.type.extension_name != "arrow.uuid":
        return column.storage
    raw = column.storage.to_pylist()
    return pa.array([None if b is None else str(UUID(bytes=b)) for b in raw], pa.string())
