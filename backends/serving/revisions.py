"""The revisions of a deployment: what a server serves from, and what it can go back to.

``<owner>/deployments/<name>/<number>/`` in ``.stackc`` holds ``model.onnx``,
``golden.json`` and the record; the current one serves, and the one before it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from backends.serving.judging import Verdict
from backends.serving.trials import Trial, Trials
from backends.shelf import Shelf
from compiler.backend import Artifact
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.engine import durable
from compiler.graph.operations import Deploy

_MODEL, _GOLDEN = "model.onnx", "golden.json"
_KEPT_OPERATIONS = 50


class Revision(Struct, frozen=True):
    """One version of a deployment.

    Attributes:
        number: Counts from 1 per deployment.
        digest: SHA-256 of the model's file.
        operation: What was asked: threshold, limits, the key's reference.
        operations: Ids of the operations that made or renewed it, newest last.
        rolled_back_from: Number of the revision that it took the place of, when
            it was the former one; None when it was deployed.
    """

    number: int
    digest: str
    operation: Deploy
    operations: tuple[str, ...]
    rolled_back_from: int | None = None


class Revisions(Shelf[Revision]):
    """The revisions of one deployment; ``owner`` is the folder of the backend that serves it."""

    def __init__(self, state: Path, name: str, owner: str) -> None:
        super().__init__(deployments(state, owner) / name, Revision)
        self.trials = Trials(self.folder)

    def model(self, number: int) -> Path:
        """Where a revision's model lies."""
        return self.file(number, _MODEL)

    def golden(self, number: int) -> Path:
        """Where a revision's golden rows lie."""
        return self.file(number, _GOLDEN)

    def take(
        self, operation: Deploy, inputs: Mapping[str, Artifact], operation_id: str
    ) -> Revision:
        """The revision to serve: a new one, unless one that is in use is the same in all it does.

        In use are the current one, and one whose rollout goes on or was cut short. Asked again
        for the same operation, it is the one that was taken before.
        """
        before = self._asked_before(operation_id)
        if before is not None:
            return before
        model, golden = inputs["model"], inputs["golden"].path
        trial = self.trials.running()
        for one in (self.current(), self.record(trial.number) if trial else None):
            if one and one.digest == model.digest and one.operation == operation:
                return self.renew(one, golden, operation_id)
        return self.add(operation, model.path, model.digest, golden, operation_id)

    def add(
        self, operation: Deploy, model: Path, digest: str, golden: Path, operation_id: str
    ) -> Revision:
        """Place a model and its golden rows as the next revision; it does not serve yet."""
        number = self.next_number()
        durable.share(model, self.model(number))
        durable.share(golden, self.golden(number))
        revision = Revision(number, digest, operation, (operation_id,))
        self.write(revision)
        return revision

    def renew(self, revision: Revision, golden: Path, operation_id: str) -> Revision:
        """The same revision, deployed once more by another operation."""
        durable.share(golden, self.golden(revision.number))
        return self._again(revision, operation_id, None)

    def beside(self, revision: Revision) -> Revision | None:
        """The revision that one has to be tried beside; None where it serves at once.

        Which is so without a rollout, for the first, for the one that serves, for one that is
        come back to, and for one that cannot answer otherwise than the one that serves.
        """
        current = self.current()
        at_once = (
            current is None
            or revision.operation.rollout is None
            or revision.number == current.number
            or revision.rolled_back_from is not None
            or _answering(revision) == _answering(current)
        )
        return None if at_once else current

    def former(self) -> Revision | None:
        """The revision before the one that serves."""
        current = self.current()
        if current is None:
            return None
        return next((r for r in self.records() if r.number < current.number), None)

    def bring_back(self, operation_id: str) -> Revision:
        """The former revision, to serve in the place of the current one; it does not serve yet.

        While a rollout goes on it is the current one, to serve without the canary again.

        Raises:
            StackcError: There is none (E608).
        """
        before = self._asked_before(operation_id)
        if before is not None:
            return before
        current, trial = self.current(), self.trials.running()
        if current is not None and trial is not None:
            return self._again(current, operation_id, trial.number)
        former = self.former()
        if current is None or former is None:
            number = 1 if current is None else current.number
            raise fail(
                Code.NO_FORMER_REVISION,
                f"`{self.folder.name}` has no revision before {number}",
                help="a deployment keeps one former revision, from its second on",
            )
        return self._again(former, operation_id, current.number)

    def serve(self, number: int) -> None:
        """Write which revision serves, and forget all but it and the one before."""
        former = self.current()
        self.point_at(number)
        if former is not None and former.number != number:
            self._keep({number, former.number})

    def try_out(self, revision: Revision, current: Revision) -> None:
        """Write that one is tried beside the current one; those that were before are forgotten."""
        self.trials.begin(Trial(revision.number, current.number, revision.operations[-1]))
        former = self.former()
        kept = {revision.number, current.number, former.number if former else current.number}
        self._keep(kept)

    def judged(self, trial: Trial, verdict: Verdict) -> None:
        """Write how a trial was judged; one that was promoted serves."""
        self.trials.judged(trial, verdict)
        if verdict.promoted:
            self.serve(trial.number)

    def finish(self) -> None:
        """Make up for a kill between a verdict and what follows from it."""
        trial, current = self.trials.last(), self.current()
        if trial is None or trial.verdict is None or current is None:
            return
        if trial.verdict.promoted and current.number == trial.former:
            self.serve(trial.number)

    def _asked_before(self, operation_id: str) -> Revision | None:
        """The revision that an operation made; what a kill left half done is done first."""
        self.finish()
        return self.by_operation(operation_id)

    def _keep(self, numbers: set[int]) -> None:
        for revision in [*self.records()]:
            if revision.number not in numbers:
                self.remove(revision.number)

    def _again(
        self, revision: Revision, operation_id: str, rolled_back_from: int | None
    ) -> Revision:
        operations = (*revision.operations, operation_id)[-_KEPT_OPERATIONS:]
        again = replace(revision, operations=operations, rolled_back_from=rolled_back_from)
        self.write(again)
        return again


def _answering(revision: Revision) -> tuple[object, ...]:
    """All that what a revision answers depends on; an API key is of the deployment, not of one."""
    asked = revision.operation
    return (
        revision.digest,
        asked.threshold,
        asked.queue,
        asked.rows,
        asked.timeout_s,
        asked.key,
    )


def deployments(state: Path, owner: str) -> Path:
    """The folder of all deployments that a backend serves for a project."""
    return state / owner / "deployments"
