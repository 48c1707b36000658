"""Affine layers as ONNX: linear models and feed-forward networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backends.training.contract import INPUT, Builder
from backends.training.problem import Array

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def affine(
    builder: Builder,
    layers: Sequence[tuple[Array, Array]],
    activation: str = "relu",
    start: str | None = None,
) -> str:
    """Layers of (weights [in, out], bias [out]) with an activation between them, in float64.

    They begin with the matrix, or with ``start``, a value of doubles ``[N, in]``.
    """
    value = start or builder.double(INPUT)
    for number, (weights, bias) in enumerate(layers):
        if number:
            value = builder.add(_ACTIVATIONS[activation], value)
        value = builder.add("MatMul", value, builder.constant(weights.astype(np.float64)))
        value = builder.add("Add", value, builder.constant(bias.astype(np.float64)))
    return value
