"""Models: features, target, algorithm, evaluation and gates."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from specs.algorithms import Algorithm
from specs.base import Block, ColumnName, Expression, Items, Name, Spec, Value
from specs.tuning import Tune


class Feature(Spec):
    """One row-level feature and how it is fitted; compiled to ONNX.

    What is left out is chosen by the expression's type and the algorithm:
    text is one-hot encoded; numbers are imputed and scaled where the
    algorithm needs it.
    """

    name: ColumnName
    expression: Expression | None = Field(
        default=None, description="Over the dataset's columns; the column itself when left out."
    )
    impute: Literal["none", "mean", "median", "most_frequent", "constant"] | None = Field(
        default=None, description="What stands for null and NaN, fitted on the training part."
    )
    fill: Value | None = Field(default=None, description="The value for `impute: constant`.")
    scale: Literal["none", "standard", "min_max", "robust"] | None = None
    encode: Literal["none", "one_hot", "ordinal"] | None = None
    min_frequency: float = Field(
        default=0.0, ge=0, lt=1, description="Rarer categories become one."
    )
    max_categories: int = Field(default=64, ge=1, le=10_000)

    @model_validator(mode="after")
    def _fill_goes_with_constant(self) -> Self:
        if (self.impute == "constant") != (self.fill is not None):
            raise ValueError("`fill` and `impute: constant` go together")
        return self


def _short_feature(value: Any) -> Any:
    """``carrier`` and ``wind: coalesce(wind_speed, 0)`` and ``wind: {expression: …}``."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and len(value) == 1 and "name" not in value:
        ((name, body),) = value.items()
        if isinstance(body, str):
            return {"name": name, "expression": body}
        if isinstance(body, dict) and "name" not in body:
            return {"name": name, **body}
    return value


FeatureEntry = Annotated[
    Feature,
    BeforeValidator(
        _short_feature, json_schema_input_type=str | dict[str, str | dict[str, Any]] | Feature
    ),
]


class Evaluation(Spec):
    """How the packaged model is judged on a part it has not seen."""

    part: Literal["test", "validation"] = "test"
    metrics: Items[str] | None = Field(
        default=None, min_length=1, description="The task's usual ones when left out."
    )
    slices: Items[ColumnName] = Field(
        default=(), description="Columns whose values are judged one by one."
    )
    threshold: float = Field(
        default=0.5, gt=0, lt=1, description="Probability from which it is a yes."
    )


class EarlyStopping(Spec):
    """Stop when the validation part has not improved for so many rounds."""

    rounds: int = Field(default=10, ge=1, le=10_000)


class Model(Block):
    """A model: what it sees, what it predicts, how it learns, and what it must reach."""

    dataset: Name
    target: ColumnName
    answers_at: ColumnName | None = Field(
        default=None,
        description="The time column of the dataset that says when the model has to answer: no "
        "feature may be known later (`known_at` of a source's column).",
        examples=["dep_time"],
    )
    task: Literal["binary", "multiclass", "regression"] | None = Field(
        default=None, description="Inferred from the target's type when left out."
    )
    features: Annotated[Items[FeatureEntry], Field(min_length=1)]
    algorithm: Algorithm
    class_weight: Literal["balanced"] | None = None
    early_stopping: EarlyStopping | None = None
    tune: Tune | None = None
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    evaluation: Evaluation = Evaluation()
    gates: Items[str] = Field(
        default=(),
        description="All must hold, or nothing downstream happens.",
        examples=[["roc_auc >= 0.7", "roc_auc >= champion - 0.005"]],
    )
