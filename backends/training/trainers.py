"""Where each kind of algorithm is fitted, and what a refused fit says."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from backends.training.problem import Fitted, Problem
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.operations import Scalar
from specs.algorithms import TRAITS, algorithm_of

TRAINERS: Mapping[str, str] = {
    "linear": "backends.training.sklearn:linear",
    "random_forest": "backends.training.sklearn:random_forest",
    "hist_gradient_boosting": "backends.training.sklearn:hist_gradient_boosting",
    "mlp": "backends.training.mlp:fit",
    "xgboost": "backends.training.xgboost:fit",
    "lightgbm": "backends.training.lightgbm:fit",
    "torch_mlp": "backends.training.torch:fit",
}
"""Where each kind of algorithm is fitted; imported when it is."""

Trainer = Callable[[Any, Problem], Fitted]


def load(kind: str) -> Trainer:
    """The trainer of a kind of algorithm.

    Raises:
        StackcError: Its framework is not installed (E504).
    """
    found: Trainer = getattr(module_of(kind), TRAINERS[kind].partition(":")[2])
    return found


def module_of(kind: str) -> Any:
    """The module that fits a kind of algorithm.

    Raises:
        StackcError: Its framework is not installed (E504).
    """
    # Read when OpenMP is loaded. Its long spinning makes a fit on busy cores 20 times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        return importlib.import_module(TRAINERS[kind].partition(":")[0])
    except ImportError as error:
        raise fail(
            Code.BACKEND_MISSING,
            f"`{kind}` needs a framework that is not installed: {error}",
            help=f"pip install 'stackc[{TRAITS[kind].extra}]'",
        ) from error


def fit(trainer: Trainer, kind: str, parameters: Mapping[str, Scalar], problem: Problem) -> Fitted:
    """Fit an algorithm with these parameters.

    Raises:
        StackcError: The framework refuses the data or the parameters (E713).
    """
    try:
        return trainer(algorithm_of(kind, parameters), problem)
    except (StackcError, MemoryError):
        raise
    except Exception as error:
        # Whatever a framework refuses is about the data or the parameters.
        raise fail(
            Code.TRAINING_FAILED,
            f"{kind} refused the fit: {_first_line(error)}",
            help="check the algorithm's parameters against the number of rows and features",
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Frameworks in C++ add the line of their own source that noticed.
    return re.sub(r" at \S+, line \d+ ?\.?$", "", lines[0]) if lines else type(error).__name__
