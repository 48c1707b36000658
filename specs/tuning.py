"""Tuning: which parameters of an algorithm are searched, how, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from specs.base import Duration, Items, Number, Spec, Value, one_of
from specs.metrics import MetricName

Bounds = Annotated[tuple[Number, Number], Field(strict=False)]


class Dimension(Spec):
    """The values that one parameter may take."""

    range: Bounds | None = Field(
        default=None, description="Lowest and highest value, both allowed.", examples=[[3, 9]]
    )
    choice: Annotated[Items[Value], Field(min_length=1)] | None = Field(
        default=None, description="One of these.", examples=[[0.5, 0.8, 1.0]]
    )
    log: bool = Field(default=False, description="Search the range by orders of magnitude.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        one_of(self.__dict__, "range", "choice")
        if self.range is not None:
            low, high = self.range
            if not low < high:
                raise ValueError(f"nothing lies between {low} and {high}")
            if self.log and low <= 0:
                raise ValueError("a range that is searched by magnitude begins above 0")
        elif self.log:
            raise ValueError("`log` goes with `range`")
        return self


class Tune(Spec):
    """A search for parameters, judged on the validation part; the model is fitted with the best."""

    space: dict[str, Dimension] = Field(
        min_length=1,
        description="Parameters of the algorithm by name.",
        examples=[{"max_depth": {"range": [3, 9]}}],
    )
    trials: int = Field(default=20, ge=1, le=10_000, description="How many settings are tried.")
    metric: MetricName | None = Field(
        default=None, description="What the best is best in; the task's first metric by default."
    )
    search: Literal["tpe", "random"] = Field(
        default="tpe", description="tpe: where earlier trials were good; random: anywhere."
    )
    scheduler: Literal["asha", "none"] = Field(
        default="asha", description="asha: trials that fall behind are given up early."
    )
    timeout: Duration | None = Field(default=None, description="No new trial begins after it.")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Where chance begins.")
