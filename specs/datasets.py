"""Datasets: set-level work. SQL over tables, cleaning, and the split into parts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from specs.base import (
    Block,
    ColumnName,
    Expression,
    Items,
    Name,
    Number,
    Spec,
    SqlText,
    Value,
    one_of,
)
from specs.secrets import SecretReference
from specs.sources import TypeName

CLEANING = (
    "drop_duplicates", "fill_null", "clip", "trim", "cast", "drop", "hash", "truncate", "bucket",
)  # fmt: skip
TIMES = ("year", "month", "day", "hour")
PARTS = ("train", "validation", "test")

Columns = Annotated[Items[ColumnName], Field(min_length=1)]
Part = Expression | Annotated[float, Field(gt=0, lt=1)]


class Hash(Spec):
    """Values by a keyed hash: equal ones stay equal, and without the key nobody finds them out."""

    columns: Columns = Field(description="Columns of any type; they become texts.")
    key: SecretReference


Edges = Annotated[Items[Number], Field(min_length=1)]
Width = Annotated[Number, Field(gt=0)]


class CleanStep(Spec):
    """One cleaning step: exactly one verb."""

    drop_duplicates: Columns | Literal[True] | None = Field(
        default=None, description="Keep the first row of each; true: over all columns."
    )
    fill_null: dict[ColumnName, Value] | None = Field(
        default=None,
        description="By column: what stands for null.",
        examples=[{"city": "unknown", "visits": 0}],
    )
    clip: (
        dict[ColumnName, Annotated[tuple[Number | None, Number | None], Field(strict=False)]] | None
    ) = Field(
        default=None,
        description="Lowest and highest value; null for no bound.",
        examples=[{"distance": [0, None]}],
    )
    trim: Columns | None = Field(default=None, description="Without blanks at both ends.")
    cast: dict[ColumnName, TypeName] | None = Field(
        default=None, description="By column: its new type.", examples=[{"age": "int32"}]
    )
    drop: Columns | None = Field(default=None, description="Without these columns.")
    hash: Hash | None = Field(
        default=None,
        description="HMAC-SHA256 of the values as text, in hexadecimal digits.",
        examples=[{"columns": ["email"], "key": "${secret:HASH_KEY}"}],
    )
    truncate: (
        dict[ColumnName, Annotated[int, Field(ge=1)] | Literal["year", "month", "day", "hour"]]
        | None
    ) = Field(
        default=None,
        description="Texts: so many of their first characters; dates and times: down to this.",
        examples=[{"zip": 3, "born": "year"}],
    )
    bucket: dict[ColumnName, Width | Edges] | None = Field(
        default=None,
        description="Numbers: the lower end of their bucket of this width, or, with a list of "
        "edges, which bucket as a text.",
        examples=[{"income": 10000, "age": [18, 30, 65]}],
    )

    @property
    def verb(self) -> str:
        """Which step it is."""
        return one_of(self.__dict__, *CLEANING)

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        _ = self.verb
        return self


class Split(Spec):
    """The parts a model is trained and judged on: all fractions, or all SQL conditions."""

    train: Part = Field(
        description="What is learned from: a share of the rows, or a SQL condition on one row.",
        examples=[0.7, "month <= 6"],
    )
    validation: Part | None = Field(
        default=None, description="What a search and early stopping are judged on."
    )
    test: Part = Field(description="What the finished model is judged on.", examples=[0.2])
    seed: int = Field(default=0, ge=0, description="For fractions: which rows go where.")
    stratify: ColumnName | None = Field(
        default=None, description="For fractions: keep this column's shares in every part."
    )
    group: Columns | None = Field(
        default=None, description="For fractions: rows equal in these columns stay together."
    )

    @property
    def parts(self) -> dict[str, Any]:
        """The given parts in order."""
        return {name: getattr(self, name) for name in PARTS if getattr(self, name) is not None}

    @property
    def by_fraction(self) -> bool:
        """Whether the parts are shares of the rows."""
        return not isinstance(self.train, str)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        parts = self.parts
        texts = [name for name, part in parts.items() if isinstance(part, str)]
        if texts and len(texts) < len(parts):
            raise ValueError("give all parts as fractions, or all as conditions")
        if texts and (self.seed or self.stratify or self.group):
            raise ValueError("`seed`, `stratify` and `group` go with fractions")
        if not texts and sum(parts.values()) > 1 + 1e-9:
            raise ValueError(f"the fractions add up to {sum(parts.values()):g}, which is over 1")
        if self.stratify and self.group:
            raise ValueError("give `stratify` or `group`, not both")
        return self


class Dataset(Block):
    """A table made from sources and other datasets.

    ``sql`` may name every source and dataset; ``from`` takes one as it is.
    ``clean`` works on the result, step by step.
    """

    sql: SqlText | None = Field(default=None, description="One SELECT in DuckDB's dialect.")
    from_: Name | None = Field(default=None, alias="from", description="One table as it is.")
    clean: Items[CleanStep] = Field(
        default=(),
        description="Steps on the result, in this order.",
        examples=[[{"drop_duplicates": ["id"]}, {"trim": ["city"]}]],
    )
    split: Split | None = Field(
        default=None,
        description="The parts a model is trained and judged on.",
        examples=[{"train": 0.7, "test": 0.3, "seed": 7}],
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.sql is None) == (self.from_ is None):
            raise ValueError("give exactly one of `sql`, `from`")
        return self
