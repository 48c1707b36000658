"""Validation: rules that a source or a dataset must hold before anybody reads it."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from specs.base import ColumnName, Duration, Expression, Items, Number, Spec, Value, one_of

VERBS = (
    "not_null", "unique", "between", "in_set", "matches",
    "expression", "row_count", "references", "freshness",
)  # fmt: skip

Columns = Annotated[Items[ColumnName], Field(min_length=1)]
Bounds = Annotated[tuple[Number | str | None, Number | str | None], Field(strict=False)]


class RowCount(Spec):
    """How many rows there must be."""

    min: int | None = Field(default=None, ge=0, description="At least so many.")
    max: int | None = Field(default=None, ge=0, description="At most so many.")

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("`min` is above `max`")
        return self


class Freshness(Spec):
    """How old the newest row may be when the data is read."""

    column: ColumnName = Field(description="A date or a timestamp.")
    max_age: Duration = Field(description="How old the newest row may be.", examples=["24h"])


class Rule(Spec):
    """One rule: exactly one verb, and what happens when it is broken.

    Nulls break only ``not_null`` (and repeat only under ``unique`` when they do).
    """

    not_null: Columns | None = Field(
        default=None, description="Columns without nulls.", examples=[["id"]]
    )
    unique: Columns | None = Field(
        default=None, description="Columns whose values together name one row."
    )
    between: dict[ColumnName, Bounds] | None = Field(
        default=None,
        description="Lowest and highest value, both allowed; null for no bound.",
        examples=[{"distance": [0, 6000]}],
    )
    in_set: dict[ColumnName, Annotated[Items[Value], Field(min_length=1)]] | None = Field(
        default=None,
        description="The values there may be.",
        examples=[{"size": ["small", "large"]}],
    )
    matches: dict[ColumnName, str] | None = Field(
        default=None,
        description="A regular expression (RE2) that is found in the text.",
        examples=[{"id": "^T[0-9]{4}$"}],
    )
    expression: Expression | None = Field(
        default=None, description="A SQL condition on one row.", examples=["arr_time >= dep_time"]
    )
    row_count: RowCount | None = Field(
        default=None, description="How many rows there must be.", examples=[{"min": 100}]
    )
    references: dict[ColumnName, str] | None = Field(
        default=None,
        description="Each value stands in another table's column.",
        examples=[{"carrier": "airlines.carrier"}],
    )
    freshness: Freshness | None = Field(
        default=None,
        description="How old the newest row may be.",
        examples=[{"column": "placed", "max_age": "24h"}],
    )

    name: str | None = Field(default=None, description="How reports call it.")
    tolerance: float = Field(
        default=0.0, ge=0, le=1, description="Share of rows that may break the rule."
    )
    on_failure: Literal["block", "quarantine", "warn"] = Field(
        default="block",
        description="block: the version is not published; quarantine: broken rows are set "
        "aside; warn: only told.",
    )
    description: str | None = Field(default=None, description="Why it is so, in a sentence.")

    @cached_property
    def verb(self) -> str:
        """Which rule it is."""
        return one_of(self.__dict__, *VERBS)

    @property
    def kept(self) -> bool:
        """Whether no published row breaks it."""
        return self.on_failure != "warn" and self.tolerance == 0

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        verb = self.verb
        if self.on_failure == "quarantine" and verb in ("row_count", "freshness"):
            raise ValueError(f"`{verb}` judges the whole table, so it cannot quarantine rows")
        if self.tolerance and verb in ("row_count", "freshness"):
            raise ValueError(f"`{verb}` judges the whole table, so it has no tolerance")
        return self
