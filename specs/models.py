"""Models: features, target, algorithm, evaluation and gates."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from specs.algorithms import Algorithm
from specs.base import Block, ColumnName, Expression, Items, Name, Spec, Value
from specs.metrics import FairnessName, MetricName
from specs.tuning import Tune


class FeatureBody(Spec):
    """How a feature is computed and fitted."""

    expression: Expression | None = Field(
        default=None, description="Over the dataset's columns; the column itself when left out."
    )
    impute: Literal["none", "mean", "median", "most_frequent", "constant"] | None = Field(
        default=None, description="What stands for null and NaN, fitted on the training part."
    )
    fill: Value | None = Field(default=None, description="The value for `impute: constant`.")
    scale: Literal["none", "standard", "min_max", "robust"] | None = Field(
        default=None, description="How numbers are brought to one size; by the algorithm."
    )
    encode: Literal["none", "one_hot", "ordinal"] | None = Field(
        default=None, description="How categories become numbers; by the type and the algorithm."
    )
    min_frequency: float = Field(
        default=0.0, ge=0, lt=1, description="Rarer categories become one."
    )
    max_categories: int = Field(
        default=64, ge=1, le=10_000, description="The most frequent ones that are kept apart."
    )

    @model_validator(mode="after")
    def _fill_goes_with_constant(self) -> Self:
        if (self.impute == "constant") != (self.fill is not None):
            raise ValueError("`fill` and `impute: constant` go together")
        return self


class Feature(FeatureBody):
    """One row-level feature and how it is fitted; compiled to ONNX.

    What is left out is chosen by the expression's type and the algorithm:
    text is one-hot encoded; numbers are imputed and scaled where the
    algorithm needs it.
    """

    name: ColumnName = Field(
        description="What it is called; a column, unless there is an expression."
    )


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
        _short_feature, json_schema_input_type=str | dict[str, str | FeatureBody] | Feature
    ),
]


def _one_column(value: Any) -> Any:
    """``sensitive: origin`` is ``sensitive: [origin]``."""
    return [value] if isinstance(value, str) else value


class Fairness(Spec):
    """Groups of rows by sensitive columns, and how far apart the model may treat them.

    Of several columns each is judged by itself, and with them all the
    combinations of their values; a metric is the worst of these.
    """

    sensitive: Annotated[
        Items[ColumnName],
        BeforeValidator(
            _one_column,
            json_schema_input_type=ColumnName | Annotated[list[ColumnName], Field(min_length=1)],
        ),
        Field(min_length=1),
    ] = Field(
        description="A column of the dataset, or several, whose values are the groups; null is a "
        "group of its own. It need not be a feature.",
        examples=["sex", ["sex", "age_band"]],
    )
    metrics: Items[FairnessName] | None = Field(
        default=None,
        min_length=1,
        description="What the groups are held against each other by; the task's usual ones when "
        "left out.",
        examples=[["demographic_parity_difference", "equal_opportunity_ratio"]],
    )
    min_rows: int = Field(
        default=30,
        ge=1,
        le=1_000_000,
        description="Groups with fewer rows in the part are shown and not judged.",
    )


class Evaluation(Spec):
    """How the packaged model is judged on a part it has not seen."""

    part: Literal["test", "validation"] = Field(
        default="test", description="The part of the dataset that it is judged on."
    )
    metrics: Items[MetricName] | None = Field(
        default=None,
        min_length=1,
        description="The task's usual ones when left out.",
        examples=[["roc_auc", "log_loss"]],
    )
    slices: Items[ColumnName] = Field(
        default=(), description="Columns whose values are judged one by one."
    )
    fairness: Fairness | None = Field(
        default=None,
        description="Groups that have to fare alike, held against each other.",
        examples=[{"sensitive": "sex", "metrics": ["demographic_parity_difference"]}],
    )
    threshold: float = Field(
        default=0.5, gt=0, lt=1, description="Probability from which it is a yes."
    )


class EarlyStopping(Spec):
    """Stop when the validation part has not improved for so many rounds."""

    rounds: int = Field(default=10, ge=1, le=10_000, description="Rounds without an improvement.")


class Model(Block):
    """A model: what it sees, what it predicts, how it learns, and what it must reach."""

    dataset: Name = Field(description="A dataset of this spec that has a split.")
    target: ColumnName = Field(description="The dataset's column that is predicted.")
    answers_at: ColumnName | None = Field(
        default=None,
        description="The time column of the dataset that says when the model has to answer: no "
        "feature may be known later (`known_at` of a source's column).",
        examples=["dep_time"],
    )
    task: Literal["binary", "multiclass", "regression"] | None = Field(
        default=None, description="Inferred from the target's type when left out."
    )
    features: Annotated[Items[FeatureEntry], Field(min_length=1)] = Field(
        description="What it sees of a row: columns by name, and expressions over them.",
        examples=[["distance", {"windy": "wind > 20"}, {"age": {"impute": "median"}}]],
    )
    algorithm: Algorithm = Field(
        description="How it learns: a kind and its parameters.",
        examples=[{"kind": "hist_gradient_boosting", "max_depth": 4}],
    )
    class_weight: Literal["balanced"] | None = Field(
        default=None, description="balanced: rare classes count as much as frequent ones."
    )
    early_stopping: EarlyStopping | None = Field(
        default=None,
        description="Stop when the validation part does not improve any more.",
        examples=[{"rounds": 20}],
    )
    tune: Tune | None = Field(
        default=None, description="A search for the algorithm's parameters before the training."
    )
    seed: int = Field(
        default=0, ge=0, le=2**31 - 1, description="Where chance begins: equal seeds, equal models."
    )
    evaluation: Evaluation = Field(
        default=Evaluation(), description="How it is judged on what it has not seen."
    )
    gates: Items[str] = Field(
        default=(),
        description="All must hold, or nothing downstream happens.",
        examples=[["roc_auc >= 0.7", "roc_auc >= champion - 0.005"]],
    )
