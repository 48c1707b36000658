"""Sources: where data comes from, and what its columns are promised to be."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from specs.base import Block, ColumnName, Items, Spec, SqlText, one_of
from specs.policies import Tag

TYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64", "string", "binary", "date", "time", "timestamp", "timestamptz",
)  # fmt: skip
TypeName = Annotated[
    str,
    Field(
        description="Arrow type: bool, int8 to int64, uint8 to uint64, float32, float64, "
        "decimal(p, s), string, binary, date, time, timestamp, timestamptz.",
        examples=["string", "int64", "float64", "timestamp"],
        json_schema_extra={"anyOf": [{"enum": [*TYPES]}, {"pattern": "^decimal"}]},
    ),
]

Format = Literal["csv", "parquet", "jsonl", "arrow"]


class ColumnSpec(Spec):
    """The contract for one column."""

    type: TypeName
    nullable: bool = Field(default=True, description="Whether the column may hold nulls.")
    tags: Items[Tag] = Field(
        default=(),
        description="What its values are; they flow along with them, and policies say where to.",
        examples=[["pii"], ["pii.email"]],
    )
    known_at: ColumnName | None = Field(
        default=None,
        description="The time column of this source that says when the value is known.",
        examples=["arr_time"],
    )
    description: str | None = Field(default=None, description="What it holds, in a sentence.")


def _short_column(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


ColumnEntry = Annotated[
    ColumnSpec, BeforeValidator(_short_column, json_schema_input_type=TypeName | ColumnSpec)
]


class CsvOptions(Spec):
    """How a CSV file is written."""

    delimiter: str = Field(
        default=",", min_length=1, max_length=1, description="What stands between two values."
    )
    quote: str = Field(
        default='"', min_length=1, max_length=1, description="What stands around a text."
    )
    header: bool = Field(default=True, description="Whether the first line names the columns.")
    null_values: Items[str] = Field(
        default=("",), description="Texts that mean null.", examples=[["", "NA"]]
    )


class Source(Block):
    """A table from outside: files, or a query on a database.

    Columns that are not listed are inferred once and kept in ``stackc.lock``;
    with ``columns`` the listed ones are the whole table.
    """

    path: str | None = Field(
        default=None,
        min_length=1,
        description="A file or a glob, relative to the spec, or `lakefs://repository/ref/path`.",
        examples=["data/flights.parquet", "data/2013-*.csv", "lakefs://air/main/2013.csv"],
    )
    format: Format | None = Field(default=None, description="By the file's suffix when left out.")
    csv: CsvOptions | None = Field(
        default=None, description="How CSV files are written.", examples=[{"delimiter": ";"}]
    )
    sql: SqlText | None = Field(default=None, description="A query for `connection`.")
    connection: str | None = Field(
        default=None,
        description="sqlite:///file, duckdb:///file or postgresql://…; may hold ${secret:NAME}.",
        examples=["${secret:WEATHER_DSN}", "sqlite:///data/weather.db"],
    )
    columns: dict[ColumnName, ColumnEntry] | None = Field(
        default=None,
        description="All columns, each by its type or as a contract; inferred when left out.",
        examples=[{"id": {"type": "int64", "nullable": False}, "city": "string"}],
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origin = one_of(self.__dict__, "path", "sql")
        if origin == "sql" and self.connection is None:
            raise ValueError("`sql` needs a `connection`")
        if origin == "path" and self.connection is not None:
            raise ValueError("`connection` goes with `sql`, not with `path`")
        if origin == "sql" and (self.format or self.csv):
            raise ValueError("`format` and `csv` go with `path`, not with `sql`")
        return self
