"""The embedded backend: tuning, training, evaluation, scoring, registry, versions, messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from compiler.backend import Backend, Lowering, Refusal
from compiler.graph.operations import (
    Alert,
    Channel,
    Evaluate,
    FitFeatures,
    Golden,
    JudgeGates,
    Measure,
    Package,
    Publish,
    Register,
    Score,
    Train,
    Tune,
)
from specs.algorithms import TRAITS


def _lacks(kind: str) -> Callable[[Any], bool]:
    """Whether an algorithm is this one and its framework is not installed."""
    return lambda asked: asked == kind and not all(map(_installed, TRAITS[kind].requires))


@cache
def _installed(module: str) -> bool:
    return find_spec(module) is not None


_FRAMEWORKS = tuple(
    Refusal("algorithm", _lacks(kind), f"pip install 'stackc[{traits.extra}]'")
    for kind, traits in TRAITS.items()
)

_SEARCH = Refusal("search", lambda _: not _installed("optuna"), "pip install 'stackc[tune]'")

_LINEAGE = Refusal(
    "format",
    lambda asked: asked == "openlineage" and not _installed("openlineage"),
    "pip install 'stackc[openlineage]'",
)

BACKEND = Backend(
    name="local",
    lowerings={
        FitFeatures: Lowering("backends.training.fit:run", isolation="process"),
        Train: Lowering("backends.training.train:run", isolation="process", refuses=_FRAMEWORKS),
        Tune: Lowering(
            "backends.training.tune:run",
            isolation="process",
            refuses=(*_FRAMEWORKS, _SEARCH),
        ),
        Package: Lowering("backends.models.package:run", isolation="process"),
        Evaluate: Lowering("backends.models.evaluate:run", isolation="process"),
        Score: Lowering("backends.models.score:run", isolation="process"),
        Measure: Lowering("backends.models.measure:run", isolation="process"),
        Golden: Lowering("backends.serving.golden:run", isolation="process"),
        JudgeGates: Lowering(
            "backends.local.registry:judge",
            observer="backends.local.registry:observe",
            isolation="process",
        ),
        Register: Lowering("backends.local.registry:LocalModels"),
        Publish: Lowering("backends.local.versions:LocalVersions"),
        Alert: Lowering("backends.local.notify:Alerts"),
        Channel: Lowering("backends.local.notify:Channels", refuses=(_LINEAGE,)),
    },
)
