"""The nodes of a model: fit, tune, train, package, evaluate, judge, register."""

from __future__ import annotations

from msgspec import Struct

from compiler.analyse.features import Features
from compiler.analyse.scope import ModelInfo, Scope, TableInfo
from compiler.diagnostics import Path
from compiler.graph.node import Ref
from compiler.graph.operations import (
    Dimension,
    Evaluate,
    Fairness,
    FitFeatures,
    Gate,
    JudgeGates,
    Package,
    Register,
    Train,
    Tune,
    params,
)
from compiler.graph.types import Column, DocumentType, EstimatorType, FeaturesType, ModelType
from specs.algorithms import parameters_of
from specs.base import seconds_of
from specs.models import Model


class Draft(Struct, frozen=True):
    """A model that was found sound, before its nodes are made.

    ``space`` and ``tuned_by`` are what a search looks through and is judged
    by; they mean nothing where the model has no ``tune``.
    """

    name: str
    model: Model
    info: TableInfo
    target: Column
    type: ModelType
    features: Features
    space: tuple[Dimension, ...]
    tuned_by: str
    metrics: tuple[str, ...]
    fairness: Fairness | None
    gates: tuple[Gate, ...]

    @property
    def block(self) -> str:
        """The block's address."""
        return f"models.{self.name}"

    @property
    def path(self) -> Path:
        """The block's place in the spec."""
        return ("models", self.name)

    @property
    def patience(self) -> int | None:
        """Rounds without improvement before a fit stops."""
        return self.model.early_stopping.rounds if self.model.early_stopping else None


def add_nodes(scope: Scope, draft: Draft) -> None:
    """Add all of them; the model is then known."""
    estimator, packaged = _fitted(scope, draft)
    registered = _judged(scope, draft, estimator, packaged)
    evaluation = draft.model.evaluation
    part = draft.info.parts[evaluation.part]
    scope.models[draft.name] = ModelInfo(
        draft.type, registered, draft.model.dataset, evaluation.threshold, part
    )


def _fitted(scope: Scope, draft: Draft) -> tuple[Ref, Ref]:
    """Features → tune → train → package; the estimator and the package."""
    train = draft.info.parts["train"]
    fitted = scope.add(
        f"{draft.block}/features",
        FitFeatures(draft.features.specs, draft.type.request),
        {"train": train},
        {"features": FeaturesType(draft.type.request, tuple(f.name for f in draft.features.specs))},
        (*draft.path, "features"),
        draft.features.lineage,
    )
    inputs = {"features": fitted, "train": train}
    tuning = _tuned(scope, draft, inputs)
    estimator = scope.add(
        f"{draft.block}/train",
        _train(draft),
        {**inputs, **tuning, **_watched(draft)},
        {"estimator": EstimatorType(draft.type.task), "training": DocumentType("training")},
        (*draft.path, "algorithm"),
    )
    packaged = scope.add(
        f"{draft.block}/package",
        Package(draft.target, draft.type.task),
        {"features": fitted, "estimator": estimator},
        {"model": draft.type},
        draft.path,
    )
    return estimator, packaged


def _train(draft: Draft) -> Train:
    model = draft.model
    return Train(
        draft.type.task,
        draft.target.name,
        model.algorithm.kind,
        params(parameters_of(model.algorithm)),
        model.class_weight,
        draft.patience,
        model.seed,
    )


def _watched(draft: Draft) -> dict[str, Ref]:
    """The part that early stopping watches, where it is asked for."""
    stops = draft.patience is not None
    return {"validation": draft.info.parts["validation"]} if stops else {}


def _tuned(scope: Scope, draft: Draft, inputs: dict[str, Ref]) -> dict[str, Ref]:
    """The search for parameters, where one is asked for."""
    model, tune = draft.model, draft.model.tune
    if tune is None:
        return {}
    operation = Tune(
        task=draft.type.task,
        target=draft.target.name,
        algorithm=model.algorithm.kind,
        parameters=params(parameters_of(model.algorithm)),
        space=draft.space,
        metric=draft.tuned_by,
        trials=tune.trials,
        search=tune.search,
        scheduler=tune.scheduler,
        timeout_s=seconds_of(tune.timeout) if tune.timeout else None,
        class_weight=model.class_weight,
        early_stopping=draft.patience,
        seed=tune.seed,
    )
    tuning = scope.add(
        f"{draft.block}/tune",
        operation,
        {**inputs, "validation": draft.info.parts["validation"]},
        {"tuning": DocumentType("tuning")},
        (*draft.path, "tune"),
    )
    return {"tuning": tuning}


def _judged(scope: Scope, draft: Draft, estimator: Ref, packaged: Ref) -> Ref:
    """Evaluate → gates → register."""
    evaluation = draft.model.evaluation
    part = draft.info.parts[evaluation.part]
    evaluate = Evaluate(
        draft.metrics,
        draft.target.name,
        evaluation.slices,
        evaluation.threshold,
        draft.fairness,
    )
    measured = scope.add(
        f"{draft.block}/evaluate",
        evaluate,
        {"model": packaged, "table": part},
        {"metrics": DocumentType("metrics")},
        (*draft.path, "evaluation"),
    )
    inputs = {"model": packaged, "metrics": measured}
    if draft.gates:
        held = {"table": part} if any(gate.champion for gate in draft.gates) else {}
        inputs["gates"] = scope.add(
            f"{draft.block}/gates",
            JudgeGates(draft.block, draft.gates, evaluate),
            {**inputs, **held},
            {"gates": DocumentType("gates")},
            (*draft.path, "gates"),
        )
    published = draft.info.published
    return scope.add(
        f"{draft.block}/register",
        Register(draft.block, published.node.partition("/")[0]),
        {**inputs, "training": Ref(estimator.node, "training"), "table": published},
        {"model": draft.type, "registration": DocumentType("registration")},
        draft.path,
    )
