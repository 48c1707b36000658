"""The local model registry: numbered versions under ``.stackc/registry``, one the champion."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from backends.registering.gates import to_beat
from backends.registering.judging import judged
from backends.registering.models import Models
from backends.registering.registered import Candidate, Registered, Registry, unreadable
from backends.shelf import Shelf, names
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.engine import durable
from compiler.graph.documents import Registration
from compiler.graph.operations import JudgeGates

_MODEL = "model.onnx"


class LocalRegistry:
    """The versions of one name: a shelf, with the model's file beside each record."""

    def __init__(self, state: Path, name: str) -> None:
        self.name = name
        self.shelf = Shelf(_folder(state) / name, Registered)

    def champion(self) -> Registered | None:
        """The version that the pointer means."""
        return self.shelf.current()

    def by_operation(self, operation_id: str) -> Registered | None:
        """The version that an operation made or updated."""
        return self.shelf.by_operation(operation_id)

    def model(self, number: int) -> Path:
        """Where a version's model lies."""
        return self.shelf.file(number, _MODEL)

    def holds(self, version: Registered) -> bool:
        """Whether the version's model is there, whole by its size."""
        try:
            return self.model(version.number).stat().st_size == version.size
        except OSError:
            return False

    def open(self, digest: str) -> Path:
        """The file of a registered model, its content verified.

        Raises:
            StackcError: No version has it, or its file is damaged (E715).
        """
        from compiler.engine.store import digest_of

        for version in self.shelf.records():
            path = self.model(version.number)
            if version.digest == digest and path.is_file() and digest_of(path) == digest:
                return path
        raise unreadable(self.name, digest)

    def add(self, candidate: Candidate, operation_id: str) -> Registered:
        """Place the model, then the record that makes it count."""
        source, number = candidate.model.path, self.shelf.next_number()
        registration = cast(Registration, {**candidate.registration, "version": number})
        version = Registered(
            registration, candidate.key, candidate.held, (operation_id,), source.stat().st_size
        )
        durable.share(source, self.model(number))
        self.write(version)
        return version

    def write(self, version: Registered) -> None:
        """Keep a version's record."""
        self.shelf.write(version)

    def crown(self, number: int) -> None:
        """Make a version the champion."""
        self.shelf.point_at(number)

    def clear(self) -> None:
        """Remove the name with all its versions; the champion goes first."""
        self.shelf.clear()


class LocalModels(Models):
    """Reconciles registered models with the shelves of the project."""

    def registry(self, name: str, context: TaskContext) -> Registry:
        """The name's shelf."""
        return LocalRegistry(context.state, name)

    def names(self, operation_id: str, context: TaskContext) -> list[str]:  # noqa: ARG002
        """All names: looking is cheap here."""
        return names(_folder(context.state))


def judge(operation: JudgeGates, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """The task JudgeGates against the local champion."""
    return judged(operation, inputs, context, LocalRegistry(context.state, operation.name))


def observe(operation: JudgeGates, context: TaskContext) -> str | None:
    """The local champion that the candidate has to be held against."""
    return to_beat(operation, context, LocalRegistry(context.state, operation.name))


def _folder(state: Path) -> Path:
    return state / "registry"
