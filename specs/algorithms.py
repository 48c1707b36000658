"""Algorithms: how a model learns, one closed model a kind, and what each kind can do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Struct
from pydantic import Field, TypeAdapter

from specs.base import Items, Spec

Rounds: TypeAlias = Annotated[int, Field(ge=1, le=100_000)]
Share: TypeAlias = Annotated[float, Field(gt=0, le=1)]
Penalty: TypeAlias = Annotated[float, Field(ge=0, le=1e9)]
Rate: TypeAlias = Annotated[float, Field(gt=0, le=10)]
Layers: TypeAlias = Annotated[
    Items[Annotated[int, Field(ge=1, le=16_384)]], Field(min_length=1, max_length=32)
]


class Linear(Spec):
    """Logistic regression for classes, ridge regression for numbers."""

    kind: Literal["linear"] = Field(description="Which algorithm it is.")
    reg_lambda: Penalty = Field(
        default=1.0,
        description="Strength of the L2 penalty (C = 1 / reg_lambda); 0 switches it off.",
    )
    fit_intercept: bool = Field(default=True, description="Whether to fit a constant term.")
    max_iter: Rounds = Field(
        default=1000, description="Most iterations of the solver for classes; ridge needs none."
    )


class RandomForest(Spec):
    """Averaged decision trees, each grown on a bootstrap sample of the rows."""

    kind: Literal["random_forest"] = Field(description="Which algorithm it is.")
    n_estimators: Rounds = Field(default=100, description="Number of trees.")
    max_depth: int | None = Field(
        default=None, ge=1, le=64, description="Deepest level of a tree; null grows it to the end."
    )
    min_samples_split: int = Field(
        default=2, ge=2, description="Rows that a node needs to be split."
    )
    min_samples_leaf: int = Field(default=1, ge=1, description="Rows that each leaf keeps.")
    max_features: Literal["sqrt", "log2"] | Share | None = Field(
        default=None,
        description="Features tried at a split, as a rule or a share;"
        " null tries the square root for classes and all for numbers.",
    )
    bootstrap: bool = Field(
        default=True, description="Whether each tree sees a sample of the rows drawn with return."
    )


class HistGradientBoosting(Spec):
    """scikit-learn's gradient boosting over binned features; takes missing values as they are."""

    kind: Literal["hist_gradient_boosting"] = Field(description="Which algorithm it is.")
    n_estimators: Rounds = Field(default=100, description="Boosting rounds (`max_iter`).")
    learning_rate: Rate = Field(default=0.1, description="Weight of each new tree.")
    max_leaves: int | None = Field(
        default=31, ge=2, le=65_536, description="Most leaves of a tree; null sets no limit."
    )
    max_depth: int | None = Field(
        default=None, ge=1, le=64, description="Deepest level of a tree; null sets no limit."
    )
    min_samples_leaf: int = Field(default=20, ge=1, description="Rows that each leaf keeps.")
    reg_lambda: Penalty = Field(default=0.0, description="L2 penalty on the leaves' values.")
    max_features: Share = Field(default=1.0, description="Share of features tried at a split.")
    max_bins: int = Field(
        default=255, ge=2, le=255, description="Bins per feature, one more kept for missing values."
    )


class Mlp(Spec):
    """A feed-forward neural network trained with Adam."""

    kind: Literal["mlp"] = Field(description="Which algorithm it is.")
    hidden_layers: Layers = Field(
        default=(100,), description="Width of each hidden layer, first to last."
    )
    activation: Literal["relu", "tanh", "logistic"] = Field(
        default="relu", description="Activation of the hidden layers."
    )
    learning_rate: Rate = Field(default=0.001, description="Adam's initial step.")
    batch_size: int = Field(default=200, ge=1, le=1_000_000, description="Rows in a mini-batch.")
    max_epochs: Rounds = Field(default=200, description="Most passes over the training rows.")
    reg_lambda: Penalty = Field(default=0.0001, description="L2 penalty on the weights (`alpha`).")


class XGBoost(Spec):
    """XGBoost's histogram trees; takes missing values as they are."""

    kind: Literal["xgboost"] = Field(description="Which algorithm it is.")
    n_estimators: Rounds = Field(default=100, description="Boosting rounds.")
    learning_rate: Rate = Field(default=0.3, description="Weight of each new tree (`eta`).")
    max_depth: int = Field(
        default=6, ge=0, le=64, description="Deepest level of a tree; 0 sets no limit."
    )
    max_leaves: int = Field(
        default=0, ge=0, le=65_536, description="Most leaves of a tree; 0 sets no limit."
    )
    min_child_weight: Penalty = Field(
        default=1.0, description="Least sum of the rows' second derivatives in a child."
    )
    gamma: Penalty = Field(default=0.0, description="Least gain that a split must bring.")
    subsample: Share = Field(default=1.0, description="Share of the rows drawn for each tree.")
    colsample_bytree: Share = Field(
        default=1.0, description="Share of the features drawn for each tree."
    )
    reg_lambda: Penalty = Field(default=1.0, description="L2 penalty on the leaves' values.")
    reg_alpha: Penalty = Field(default=0.0, description="L1 penalty on the leaves' values.")
    max_bins: int = Field(default=256, ge=2, le=65_536, description="Bins per feature.")


class LightGBM(Spec):
    """LightGBM's leaf-wise trees; takes missing values as they are."""

    kind: Literal["lightgbm"] = Field(description="Which algorithm it is.")
    n_estimators: Rounds = Field(default=100, description="Boosting rounds.")
    learning_rate: Rate = Field(default=0.1, description="Weight of each new tree.")
    max_leaves: int = Field(
        default=31, ge=2, le=65_536, description="Most leaves of a tree (`num_leaves`)."
    )
    max_depth: int | None = Field(
        default=None, ge=1, le=64, description="Deepest level of a tree; null sets no limit."
    )
    min_samples_leaf: int = Field(default=20, ge=1, description="Rows that each leaf keeps.")
    min_split_gain: Penalty = Field(default=0.0, description="Least gain that a split must bring.")
    subsample: Share = Field(default=1.0, description="Share of the rows drawn for each tree.")
    colsample_bytree: Share = Field(
        default=1.0, description="Share of the features drawn for each tree."
    )
    reg_lambda: Penalty = Field(default=0.0, description="L2 penalty on the leaves' values.")
    reg_alpha: Penalty = Field(default=0.0, description="L1 penalty on the leaves' values.")
    max_bins: int = Field(default=255, ge=2, le=65_535, description="Bins per feature.")


class TorchMlp(Spec):
    """PyTorch's tabular network: a learnt vector for each category beside the numbers."""

    kind: Literal["torch_mlp"] = Field(description="Which algorithm it is.")
    hidden_layers: Layers = Field(
        default=(128, 64), description="Width of each hidden layer, first to last."
    )
    activation: Literal["relu", "tanh", "logistic"] = Field(
        default="relu", description="Activation of the hidden layers."
    )
    embedding_size: int | None = Field(
        default=None,
        ge=1,
        le=512,
        description="Length of a category's vector; null takes half the categories, at most 32.",
    )
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of hidden units left out at each step."
    )
    learning_rate: Rate = Field(default=0.001, description="AdamW's initial step.")
    batch_size: int = Field(default=256, ge=1, le=1_000_000, description="Rows in a mini-batch.")
    max_epochs: Rounds = Field(default=50, description="Most passes over the training rows.")
    weight_decay: Penalty = Field(default=0.0001, description="AdamW's decay of the weights.")


Algorithm: TypeAlias = Annotated[
    Linear | RandomForest | HistGradientBoosting | Mlp | XGBoost | LightGBM | TorchMlp,
    Field(discriminator="kind"),
]
"""Any algorithm, told apart by ``kind``."""


class Traits(Struct, frozen=True):
    """What a kind of algorithm can do.

    Attributes:
        missing: It takes NaN in the matrix as missing; otherwise every
            numeric feature that may be missing must be imputed.
        scaling: It learns badly from features of unequal size.
        early_stopping: It can stop by the validation part.
        embeds: It learns a vector for each category, so that categories come
            to it as their index and not as columns of zeros and ones.
        requires: Modules that training it imports.
        extra: The extra of stackc that installs them.
    """

    missing: bool
    scaling: bool
    early_stopping: bool
    embeds: bool = False
    requires: tuple[str, ...] = ("sklearn",)
    extra: str = "sklearn"


TRAITS: Mapping[str, Traits] = MappingProxyType(
    {
        "linear": Traits(missing=False, scaling=True, early_stopping=False),
        "random_forest": Traits(missing=False, scaling=False, early_stopping=False),
        "hist_gradient_boosting": Traits(missing=True, scaling=False, early_stopping=True),
        "mlp": Traits(missing=False, scaling=True, early_stopping=True),
        "xgboost": Traits(True, False, True, False, ("xgboost",), "xgboost"),
        "lightgbm": Traits(True, False, True, False, ("lightgbm",), "lightgbm"),
        "torch_mlp": Traits(False, True, True, True, ("torch",), "torch"),
    }
)
"""Every kind with its traits."""

ALGORITHMS: tuple[str, ...] = tuple(TRAITS)
"""The names of all kinds."""


def parameters_of(algorithm: Spec) -> dict[str, str | int | float | bool | None]:
    """The fields of an algorithm besides ``kind``, lists as JSON text."""
    values = algorithm.model_dump(mode="json", exclude={"kind"})
    return {
        name: json.dumps(value) if isinstance(value, list) else value
        for name, value in values.items()
    }


def algorithm_of(kind: str, parameters: Mapping[str, Any]) -> Any:
    """The algorithm whose ``kind`` and ``parameters_of`` these are.

    Raises:
        pydantic.ValidationError: They are of no algorithm.
    """
    hidden = parameters.get("hidden_layers")
    values = dict(parameters)
    if isinstance(hidden, str):
        values["hidden_layers"] = json.loads(hidden)
    return _adapter().validate_python({"kind": kind, **values})


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Algorithm)
