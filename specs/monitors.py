"""Monitors: a table, or windows of it, held against a reference."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from specs.base import (
    Block,
    ColumnName,
    Duration,
    Expression,
    Items,
    Name,
    Spec,
    one_of,
    seconds_of,
)
from specs.metrics import MetricName


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
    threshold: float = Field(
        default=0.2, gt=0, description="Distance from which a column has drifted."
    )
    columns: Items[ColumnName] | None = Field(
        default=None,
        min_length=1,
        description="The model's raw columns by default, dates and times left out. Of a "
        "deployment also what it answers: `prediction` and `probability`, held against the "
        "answers to the training part.",
    )


class Rates(Spec):
    """When missing and unknown values count as an alert, whatever the distances say."""

    nulls: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="By how much a column's share of nulls may exceed the reference's.",
    )
    unknown: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Share of a column's values that the reference has never had.",
    )


class PerformanceSpec(Spec):
    """How well the model answers, once it is known what was true."""

    metric: MetricName = Field(description="A metric of the model's task.", examples=["f1"])
    min: float | None = Field(
        default=None, description="The least it may be, where higher is better.", examples=[0.6]
    )
    max: float | None = Field(
        default=None, description="The most it may be, where lower is better.", examples=[12.5]
    )
    labels: str = Field(
        json_schema_extra={"pattern": r"^[a-z][a-z0-9_]*\..+$"},
        description="A column of a source or dataset, `table.column`: what was true of each row, "
        "found by the key. A row without a label yet may be missing there, or be null.",
        examples=["outcomes.late"],
    )
    key: ColumnName | Annotated[Items[ColumnName], Field(min_length=1)] | None = Field(
        default=None,
        description="Of a prediction: columns it keeps, whose values together name a row. A "
        "deployment has a `key` of its own.",
        examples=["flight_id"],
    )
    within: Duration | None = Field(
        default=None,
        description="Of a deployment: how long after its end a window waits for labels; then it is "
        "judged by the rows that have one (7d by default).",
        examples=["7d"],
    )
    min_rows: int = Field(
        default=30, ge=1, description="With fewer labelled rows a window is told and not judged."
    )

    @field_validator("labels")
    @classmethod
    def _table_and_column(cls, labels: str) -> str:
        table, _, column = labels.partition(".")
        if not table or not column:
            raise ValueError("write a table and one of its columns: `outcomes.late`")
        return labels

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        one_of(self.__dict__, "min", "max")
        return self


class Notify(Spec):
    """Tell a notification block."""

    notify: Name = Field(description="A notification of this spec.")


class Monitor(Block):
    """Drift of a table, or of live traffic, against what a model was trained on.

    ``model`` makes its training part the reference; ``reference`` names a
    table instead. ``prediction`` stands for its model and its table,
    ``deployment`` for its model and the requests it gets.
    """

    table: Name | None = Field(default=None, description="A source or dataset that is watched.")
    prediction: Name | None = Field(default=None, description="A prediction that is watched.")
    deployment: Name | None = Field(
        default=None, description="A deployment whose requests and answers are watched."
    )
    model: Name | None = Field(
        default=None, description="The model whose training part the table is held against."
    )
    reference: Name | None = Field(
        default=None, description="The table that the table is held against."
    )
    window: WindowSpec | Duration | None = Field(
        default=None,
        description="Rows of a table that are looked at together; of a deployment, how long its "
        "requests are gathered (1h by default).",
        examples=[{"by": "month"}, "1h"],
    )
    drift: DriftSpec = Field(
        default=DriftSpec(), description="How, and from which distance, a column has drifted."
    )
    rates: Rates = Field(
        default=Rates(), description="When missing and unknown values count as an alert."
    )
    performance: PerformanceSpec | None = Field(
        default=None,
        description="How well a deployment or a prediction answers, held against labels that "
        "arrive later.",
        examples=[{"metric": "f1", "min": 0.6, "labels": "outcomes.late"}],
    )
    on_alert: Items[Notify] = Field(
        default=(), description="Who is told.", examples=[[{"notify": "log"}]]
    )

    @model_validator(mode="after")
    def _reference_is_clear(self) -> Self:
        watched = one_of(self.__dict__, "table", "prediction", "deployment")
        if watched == "table":
            one_of(self.__dict__, "model", "reference")
        elif self.model or self.reference:
            raise ValueError(f"`{watched}` already says the model that is the reference")
        return self

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        live = self.deployment is not None
        if self.window is not None and live != isinstance(self.window, str):
            wanted = "a duration such as `1h`" if live else "`where` or `by`"
            raise ValueError(f"the window of a {'deployment' if live else 'table'} is {wanted}")
        if isinstance(self.window, str) and seconds_of(self.window) == 0:
            raise ValueError("a window lasts a second at least: `1s`")
        return self
