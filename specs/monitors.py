"""Monitors: a table, or windows of it, held against a reference."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from specs.base import Block, ColumnName, Expression, Items, Name, Spec, one_of


class WindowSpec(Spec):
    """Which rows are looked at together."""

    where: Expression | None = Field(default=None, description="A SQL condition on one row.")
    by: Expression | None = Field(
        default=None, description="A SQL expression; each of its values is one window."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        one_of(self.__dict__, "where", "by")
        return self


class DriftSpec(Spec):
    """When a column counts as drifted."""

    method: Literal["auto", "psi", "ks", "hellinger", "chi_square"] = Field(
        default="auto", description="auto: psi, for numbers and for categories."
    )
    threshold: float = Field(default=0.2, gt=0)
    columns: Items[ColumnName] | None = Field(
        default=None,
        min_length=1,
        description="The model's raw columns by default, dates and times left out.",
    )


class Notify(Spec):
    """Tell a notification block."""

    notify: Name


class Monitor(Block):
    """Drift of a table against what a model was trained on, or against another table.

    ``model`` makes its training part the reference; ``reference`` names a
    table instead. ``prediction`` stands for its model and its table.
    """

    table: Name | None = None
    prediction: Name | None = None
    model: Name | None = None
    reference: Name | None = None
    window: WindowSpec | None = None
    drift: DriftSpec = DriftSpec()
    on_alert: Items[Notify] = Field(default=())

    @model_validator(mode="after")
    def _reference_is_clear(self) -> Self:
        if one_of(self.__dict__, "table", "prediction") == "table":
            one_of(self.__dict__, "model", "reference")
        elif self.model or self.reference:
            raise ValueError("`prediction` already says the model that is the reference")
        return self
