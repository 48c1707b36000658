"""What flows along an edge: tables with columns, models, profiles, verdicts."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, TypeAlias

from msgspec import Struct

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64")
SCALARS = (
    "bool", *INTEGERS, *FLOATS, "string", "binary", "date", "time", "timestamp", "timestamptz",
)  # fmt: skip
_DECIMAL = re.compile(r"decimal\((\d{1,2}), (\d{1,2})\)")


class DataType(str):
    """An Arrow type by its canonical name.

    One of ``SCALARS`` (timestamps count microseconds; ``timestamptz`` is UTC),
    ``decimal(precision, scale)``, or the engine's own name of a nested type
    (``INTEGER[]``), which tables may carry and features may not use.
    """

    __slots__ = ()

    @property
    def is_integer(self) -> bool:
        """Signed and unsigned integers."""
        return self in INTEGERS

    @property
    def is_float(self) -> bool:
        """32 and 64 bit floating point."""
        return self in FLOATS

    @property
    def is_decimal(self) -> bool:
        """Fixed point."""
        return _DECIMAL.fullmatch(self) is not None

    @property
    def is_numeric(self) -> bool:
        """Integer, float or decimal."""
        return self.is_integer or self.is_float or self.is_decimal

    @property
    def is_temporal(self) -> bool:
        """Date, time and timestamps."""
        return self in ("date", "time", "timestamp", "timestamptz")

    @property
    def is_scalar(self) -> bool:
        """Not nested."""
        return self in SCALARS or self.is_decimal


class Column(Struct, frozen=True):
    """One column of a table.

    Tags say what its values are (``pii.email``); they decide where the values
    may go, not what is computed, and belong to no key.
    """

    name: str
    type: DataType
    nullable: bool = True
    tags: tuple[str, ...] = ()

    unkeyed: ClassVar[tuple[str, ...]] = ("tags",)

    @property
    def is_private(self) -> bool:
        """Whether messages and documents must not repeat its values: it has a tag."""
        return bool(self.tags)


class TableType(Struct, frozen=True, dict=True):
    """A table: its columns in order."""

    columns: tuple[Column, ...]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)


class Task(StrEnum):
    """What a model predicts, inferred from its target's type."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class ModelType(Struct, frozen=True):
    """A model: raw request columns in, response columns out."""

    task: Task
    request: tuple[Column, ...]
    response: tuple[Column, ...]


class FeaturesType(Struct, frozen=True):
    """Fitted preprocessing: raw request columns in, one float32 matrix out."""

    request: tuple[Column, ...]
    features: tuple[str, ...]


class DocumentType(Struct, frozen=True):
    """A JSON document whose meaning is named by ``kind``.

    Kinds: ``verdict`` (rule results), ``training`` (curves, importances),
    ``metrics``, ``gates``, ``drift``, ``version``, ``registration``,
    ``tuning``, ``golden``, ``performance``.
    """

    kind: str


class EstimatorType(Struct, frozen=True):
    """A fitted estimator as ONNX: a float32 matrix in, predictions out."""

    task: Task


class EndpointType(Struct, frozen=True):
    """A model behind HTTP: raw request columns in, response columns out.

    ``key`` are the columns that name a row, some of which may be raw columns too.
    """

    task: Task
    request: tuple[Column, ...]
    response: tuple[Column, ...]
    key: tuple[Column, ...] = ()


class ProfileType(Struct, frozen=True):
    """whylogs sketches of a table's columns, one view per window."""

    columns: tuple[str, ...]


ValueType: TypeAlias = (
    TableType | ModelType | FeaturesType | EstimatorType | EndpointType | DocumentType | ProfileType
)

SUFFIXES: dict[type, str] = {
    TableType: ".parquet",
    ModelType: ".onnx",
    FeaturesType: ".onnx",
    EstimatorType: ".onnx",
    EndpointType: ".json",
    DocumentType: ".json",
    ProfileType: ".whylogs",
}
"""The file format each type is stored in."""
