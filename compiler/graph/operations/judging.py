"""Operations that judge a model and use it on tables: evaluate, gates, register, score."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from compiler.graph.operations.operation import Operation


class Fairness(Struct, frozen=True):
    """Groups by the values of ``sensitive`` columns, held against each other by ``metrics``.

    Groups of fewer than ``min_rows`` rows are told and not judged.
    """

    sensitive: tuple[str, ...]
    metrics: tuple[str, ...]
    min_rows: int


class Evaluate(Operation, frozen=True):
    """Score a held-out part with the packaged model. Inputs: ``model``, ``table``.

    Outputs: ``metrics`` (document: overall, slices, fairness, curves, confusion, rows).
    """

    capability = "predict"
    category = "re-evaluate"
    version = 2
    metrics: tuple[str, ...]
    target: str
    slices: tuple[str, ...] = ()
    threshold: float = 0.5
    fairness: Fairness | None = None

    later = ("fairness",)

    @property
    def measured(self) -> tuple[str, ...]:
        """Every metric of the document, those of fairness last."""
        return self.metrics + (self.fairness.metrics if self.fairness is not None else ())


class Gate(Struct, frozen=True):
    """``metric op bound``; against the champion where ``champion``: bound is then the offset."""

    text: str
    metric: str
    op: Literal[">=", ">", "<=", "<"]
    bound: float
    champion: bool = False


class JudgeGates(Operation, frozen=True):
    """Hold the metrics against the gates.

    Inputs: ``model`` (the candidate), ``metrics``; with a champion gate also
    ``table`` (the part that the champion is scored on). Observes, where a gate
    asks for it, the digest of the registry's champion of ``name``; the
    candidate itself, once registered, is held against the champion that it
    followed. Outputs: ``gates`` (document).
    """

    capability = "register"
    category = "re-evaluate"
    observes = True
    name: str
    gates: tuple[Gate, ...]
    evaluation: Evaluate


class Register(Operation, frozen=True):
    """Make a packaged model the champion of ``name``; a failed gate fails it.

    Inputs: ``model``, ``metrics``, ``training`` (document), ``table`` (what
    the block ``dataset`` published), and ``gates`` where there are any.
    Outputs: ``model``, ``registration`` (document).
    """

    capability = "register"
    category = "register"
    kind = "resource"
    forwards = {"model": "model"}
    name: str
    dataset: str


class Score(Operation, frozen=True):
    """A model over a table. Inputs: ``model``, ``table``.

    Outputs: ``table``: the kept columns, then the model's response columns.
    """

    capability = "predict"
    category = "score"
    keep: tuple[str, ...]
    threshold: float = 0.5
