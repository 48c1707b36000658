"""The revisions of a deployment: what the host serves from, and what it can go back to.

``host/deployments/<name>/<number>/`` holds ``model.onnx``, ``golden.json`` and
``revision.json``; the last is written last and makes the revision count.
``current.json`` says which revision serves. The one before it is kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from compiler.engine import durable
from compiler.graph.digest import canonical
from compiler.graph.operations import Deploy

_MODEL, _GOLDEN, _RECORD, _CURRENT = "model.onnx", "golden.json", "revision.json", "current.json"
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


class Shelf:
    """The revisions of one deployment under ``.stackc/host``."""

    def __init__(self, state: Path, name: str) -> None:
        self.folder = deployments(state) / name

    def revisions(self) -> Iterator[Revision]:
        """All revisions whose record is whole, newest first."""
        if not self.folder.is_dir():
            return
        numbers = [int(entry.name) for entry in self.folder.iterdir() if entry.name.isdecimal()]
        for number in sorted(numbers, reverse=True):
            found = self.revision(number)
            if found is not None:
                yield found

    def revision(self, number: int) -> Revision | None:
        """One revision; None where there is none or its record is damaged."""
        try:
            content = (self.folder / str(number) / _RECORD).read_bytes()
            return msgspec.json.decode(content, type=Revision)
        except (OSError, msgspec.MsgspecError):
            return None

    def current(self) -> Revision | None:
        """The revision that serves, as far as is written."""
        try:
            content = (self.folder / _CURRENT).read_bytes()
            return self.revision(msgspec.json.decode(content, type=dict[str, int])["revision"])
        except (OSError, msgspec.MsgspecError, KeyError):
            return None

    def by_operation(self, operation_id: str) -> Revision | None:
        """The revision that an operation made or renewed."""
        return next((r for r in self.revisions() if operation_id in r.operations), None)

    def model(self, number: int) -> Path:
        """Where a revision's model lies."""
        return self.folder / str(number) / _MODEL

    def golden(self, number: int) -> Path:
        """Where a revision's golden rows lie."""
        return self.folder / str(number) / _GOLDEN

    def add(
        self, operation: Deploy, model: Path, digest: str, golden: Path, operation_id: str
    ) -> Revision:
        """Place a model and its golden rows as the next revision; it does not serve yet."""
        # A folder without its record is what a kill left: its number is free.
        number = max((revision.number for revision in self.revisions()), default=0) + 1
        durable.share(model, self.model(number))
        durable.share(golden, self.golden(number))
        revision = Revision(number, digest, operation, (operation_id,))
        self._write(revision)
        return revision

    def renew(self, revision: Revision, golden: Path, operation_id: str) -> Revision:
        """The same revision, deployed once more by another operation."""
        durable.share(golden, self.golden(revision.number))
        return self._again(revision, operation_id, None)

    def former(self) -> Revision | None:
        """The revision before the one that serves."""
        current = self.current()
        if current is None:
            return None
        return next((r for r in self.revisions() if r.number < current.number), None)

    def bring_back(self, revision: Revision, operation_id: str) -> Revision:
        """A former revision, to serve in the place of the current one; it does not serve yet."""
        current = self.current()
        return self._again(revision, operation_id, current.number if current else None)

    def serve(self, number: int) -> None:
        """Write which revision serves, and forget all but it and the one before."""
        former = self.current()
        durable.write(self.folder / _CURRENT, canonical({"revision": number}))
        kept = {number, former.number if former is not None else number}
        if len(kept) == 1:
            return
        for revision in [*self.revisions()]:
            if revision.number not in kept:
                durable.remove(self.folder / str(revision.number) / _RECORD)
                shutil.rmtree(self.folder / str(revision.number), ignore_errors=True)

    def clear(self) -> None:
        """Remove the deployment with all its revisions; the records go first."""
        if not self.folder.is_dir():
            return
        durable.remove(self.folder / _CURRENT)
        for revision in [*self.revisions()]:
            durable.remove(self.folder / str(revision.number) / _RECORD)
        with durable.guarded(self.folder):
            durable.point("deployment.remove")
            shutil.rmtree(self.folder)
            durable.sync_folder(self.folder.parent)

    def _again(
        self, revision: Revision, operation_id: str, rolled_back_from: int | None
    ) -> Revision:
        operations = (*revision.operations, operation_id)[-_KEPT_OPERATIONS:]
        again = replace(revision, operations=operations, rolled_back_from=rolled_back_from)
        self._write(again)
        return again

    def _write(self, revision: Revision) -> None:
        content = canonical(msgspec.to_builtins(revision))
        durable.write(self.folder / str(revision.number) / _RECORD, content)


def deployments(state: Path) -> Path:
    """The folder of all deployments of a project."""
    return state / "host" / "deployments"
