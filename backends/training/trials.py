"""A search's trials: how far one gets, and the document that all of them come to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from backends.training.judge import Judge, Judged
from backends.training.rung import shortened
from compiler.backend import Outcome
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.digest import canonical
from compiler.graph.documents import Trial, Tuning
from compiler.graph.operations import Scalar, Tune
from specs.metrics import METRICS


class Tried(Struct, frozen=True):
    """A trial as far as it is: what its last fit was worth, and why where that failed.

    One at the rung is ``pruned``: it is unless it goes on.
    """

    trial: Trial
    reached: float | None = None
    reason: str | None = None

    @property
    def at_rung(self) -> bool:
        """Whether it may go on."""
        return self.trial["status"] == "pruned"


def climb(
    number: int, parameters: dict[str, Scalar], judge: Judge, rung: int | None
) -> Iterator[Tried]:
    """One setting, at the rung where there is one before its end, and at its end."""
    started = time.perf_counter()

    def tried(status: str, found: Judged | None = None, reason: str | None = None) -> Tried:
        trial = Trial(
            number=number,
            parameters=parameters,
            value=found.value if found is not None and status == "done" else None,
            status=status,
            rounds=found.rounds if found is not None else None,
            seconds=round(time.perf_counter() - started, 6),
        )
        return Tried(trial, found.value if found is not None else None, reason)

    whole = {**dict(judge.operation.parameters), **parameters}
    short = shortened(judge.operation.algorithm, whole, rung)
    try:
        if short is not None:
            yield tried("pruned", judge.judged(short))
        yield tried("done", judge.judged(whole))
    except StackcError as error:
        yield tried("failed", reason=error.diagnostics[0].message)


def told(operation: Tune, number: int, trials: Sequence[Tried]) -> str:
    """That a trial begins, and the best before it."""
    found = best(operation, trials)
    reached = f", best {operation.metric} {found['value']:.4g}" if found else ""
    return f"trial {number + 1} of {operation.trials}{reached}"


def best(operation: Tune, trials: Sequence[Tried]) -> Trial | None:
    """The first of the best."""
    sign = -1 if METRICS[operation.metric].better == "higher" else 1
    ended = [entry.trial for entry in trials]
    done = [(sign * trial["value"], trial) for trial in ended if trial["value"] is not None]
    return min(done, key=lambda entry: entry[0])[1] if done else None


def outcome(operation: Tune, trials: Sequence[Tried], seconds: float, workdir: Path) -> Outcome:
    """What the search comes to, written as ``tuning``.

    Raises:
        StackcError: No trial came to an end (E713).
    """
    document = _document(operation, trials, seconds)
    path = workdir / "tuning.json"
    path.write_bytes(canonical(json.loads(json.dumps(document))))
    said = {"trials": len(trials), "value": document["value"], "seconds": document["seconds"]}
    return Outcome({"tuning": path}, said)


def _document(operation: Tune, trials: Sequence[Tried], seconds: float) -> Tuning:
    found = best(operation, trials)
    if found is None or found["value"] is None:
        raise _fruitless(operation, trials)
    return Tuning(
        metric=operation.metric,
        better=METRICS[operation.metric].better,
        best=found["parameters"],
        value=found["value"],
        trials=[entry.trial for entry in trials],
        seconds=round(seconds, 6),
    )


def _fruitless(operation: Tune, trials: Sequence[Tried]) -> StackcError:
    failed = sum(entry.trial["status"] == "failed" for entry in trials)
    rest = len(trials) - failed
    behind = f", {rest} fell behind one that failed later" if rest else ""
    reasons = [entry.reason for entry in trials if entry.reason is not None]
    return fail(
        Code.TRAINING_FAILED,
        f"no trial of {operation.algorithm} came to an end: {failed} of {len(trials)} failed"
        f"{behind}",
        help="narrow the space to values that the framework takes for these rows and features",
        notes=tuple([*dict.fromkeys(reasons)][:3]),
    )
