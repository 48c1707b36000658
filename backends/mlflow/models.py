"""Registered models of MLflow: the version's tags hold its record, the alias is the champion."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from backends.mlflow import words
from backends.mlflow.connection import Connection
from backends.mlflow.package import FILE
from backends.mlflow.runs import Runs
from backends.mlflow.troubles import refused
from backends.registering.gates import to_beat
from backends.registering.judging import judged
from backends.registering.models import Models
from backends.registering.registered import Candidate, Registered, Registry, unreadable
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.diagnostics import StackcError
from compiler.graph.digest import canonical
from compiler.graph.documents import Registration
from compiler.graph.operations import JudgeGates

CHAMPION = "champion"
_RECORD, _BLOCK, _MODEL = "stackc.record", "stackc.block", "stackc.logged_model"
_PAGE = 200


class MlflowRegistry:
    """The versions of one name. A version counts when it is there: its record came with it."""

    def __init__(self, name: str, context: TaskContext) -> None:
        self.name = name
        self._context = context
        self._at = Connection(context)
        # Environments of one spec have each their own models; no block's name holds a dot.
        room = f"{context.environment}." if context.environment else ""
        self._called = f"{self._at.settings.prefix}{room}{words.short(name)}"

    def champion(self) -> Registered | None:
        """The version that the alias means."""
        model = self._model()
        number = model.aliases.get(CHAMPION) if model is not None else None
        return _record(self._version(number)) if number is not None else None

    def by_operation(self, operation_id: str) -> Registered | None:
        """The version that an operation made or updated."""
        found = (record for _, record in self._versions() if operation_id in record.operations)
        return next(found, None)

    def holds(self, version: Registered) -> bool:
        """Whether MLflow lists the version's model, of the right size."""
        found = self._version(version.number)
        return found is not None and self._size(found) == version.size

    def open(self, digest: str) -> Path:
        """The file of a registered model, downloaded, its content verified.

        Raises:
            StackcError: No version has it, or its file is damaged (E715); E721.
        """
        from compiler.engine.store import digest_of

        for found, record in self._versions():
            if record.digest == digest and self._size(found) == record.size:
                path = self._downloaded(found)
                if digest_of(path) == digest:
                    return path
        raise unreadable(self.name, digest)

    def add(self, candidate: Candidate, operation_id: str) -> Registered:
        """Record a run, then register its model: one call makes the version with its record."""
        self._claim()
        run = Runs(self._at, self._context).record(candidate, operation_id)
        size = candidate.model.path.stat().st_size
        record = Registered(
            candidate.registration, candidate.key, candidate.held, (operation_id,), size
        )
        tags = words.tags(candidate.registration, operation_id)
        tags |= {_RECORD: _text(record), _MODEL: run.model_id}
        made = self._at.tell(
            "create_model_version", self._called, run.location, run.run_id, tags,
            description=run.description, model_id=run.model_id,
        )  # fmt: skip
        registered = _record(made) or self.by_operation(operation_id)
        if registered is None:
            raise refused(
                f"MLflow, asked to make a version of `{self._called}`,",
                "answers that it did, and does not have it",
                "look at the server's log, then apply again",
            )
        return registered

    def write(self, version: Registered) -> None:
        """Keep what is new about a version: the metrics of its run, and last its record."""
        found, number = self._version(version.number), str(version.number)
        if found is not None:
            Runs(self._at, self._context).update(found.run_id, version.registration)
        tags = {words.OPERATION: version.operations[-1], _RECORD: _text(version)}
        for tag, value in tags.items():
            self._at.tell("set_model_version_tag", self._called, number, tag, value)

    def crown(self, number: int) -> None:
        """Let the logged model name its version, as MLflow's pages do, and set the alias."""
        found = self._version(number)
        model_id = found.tags.get(_MODEL) if found is not None else None
        if model_id is not None:
            named = json.dumps([{"name": self._called, "version": number}])
            self._at.tell("set_logged_model_tags", model_id, {"mlflow.modelVersions": named})
        self._at.tell("set_registered_model_alias", self._called, CHAMPION, str(number))

    def clear(self) -> None:
        """Remove the registered model with its versions; the runs stay, as a history does."""
        if self._model() is not None:
            self._at.tell("delete_registered_model", self._called)

    def _model(self) -> Any:
        """The registered model; None where there is none.

        Raises:
            StackcError: E721 for one that somebody else has made.
        """
        if self._at.empty:
            return None
        found = self._at.ask("get_registered_model", self._called)
        if found is not None and found.tags.get(_BLOCK) != self.name:
            raise self._foreign()
        return found

    def _claim(self) -> None:
        """Make the registered model where there is none."""
        if self._model() is None:
            self._at.tell(
                "create_registered_model",
                self._called,
                {_BLOCK: self.name},
                f"Made by stackc from `{self.name}`.",
            )

    def _version(self, number: int | str) -> Any:
        return self._at.ask("get_model_version", self._called, str(number))

    def _versions(self) -> Iterator[tuple[Any, Registered]]:
        """All versions that stackc has made, newest first."""
        if self._model() is None:
            return
        for found in found_versions(self._at, f"name = '{self._called}'"):
            record = _record(found)
            if record is not None:
                yield found, record

    def _size(self, version: Any) -> int | None:
        from mlflow.artifacts import list_artifacts

        listed = self._at.look(
            lambda _: list_artifacts(artifact_uri=version.source, tracking_uri=self._at.tracking)
        )
        return next(
            (entry.file_size for entry in listed or () if Path(entry.path).name == FILE), None
        )

    def _downloaded(self, version: Any) -> Path:
        from mlflow.artifacts import download_artifacts

        folder = self._context.workdir / f"version{version.version}"
        folder.mkdir(exist_ok=True)
        found = self._at.look(
            lambda _: download_artifacts(
                artifact_uri=f"{version.source}/{FILE}",
                dst_path=str(folder),
                tracking_uri=self._at.tracking,
            )
        )
        return Path(found)

    def _foreign(self) -> StackcError:
        return refused(
            f"the registered model `{self._called}`",
            f"is in MLflow already, and was not made by stackc from `{self.name}`",
            "give the names of this stack a prefix with `backends.register.prefix=…`",
        )


class MlflowModels(Models):
    """Reconciles registered models with those of MLflow."""

    def registry(self, name: str, context: TaskContext) -> Registry:
        """The name's versions."""
        return MlflowRegistry(name, context)

    def names(self, operation_id: str, context: TaskContext) -> list[str]:
        """The names whose versions say that this operation touched them last."""
        at = Connection(context)
        if at.empty:
            return []
        asked = f"tags.`{words.OPERATION}` = '{operation_id}'"
        records = (_record(found) for found in found_versions(at, asked))
        return sorted({record.registration["name"] for record in records if record is not None})


def found_versions(at: Connection, asked: str) -> Iterator[Any]:
    """The versions that a filter finds, newest first, page by page."""
    token: str | None = None
    while True:
        page = at.ask("search_model_versions", asked, _PAGE, ["version_number DESC"], token)
        yield from page or ()
        token = page.token if page is not None else None
        if not token:
            return


def judge(operation: JudgeGates, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """The task JudgeGates against MLflow's champion."""
    return judged(operation, inputs, context, MlflowRegistry(operation.name, context))


def observe(operation: JudgeGates, context: TaskContext) -> str | None:
    """The champion in MLflow that the candidate has to be held against."""
    return to_beat(operation, context, MlflowRegistry(operation.name, context))


def _text(record: Registered) -> str:
    return canonical(msgspec.to_builtins(record)).decode()


def _record(version: Any) -> Registered | None:
    """What a version's tag says; None where stackc has not made it."""
    if version is None:
        return None
    try:
        found = msgspec.json.decode(version.tags[_RECORD], type=Registered)
        numbered = cast(Registration, {**found.registration, "version": int(version.version)})
        return msgspec.structs.replace(found, registration=numbered)
    except (KeyError, ValueError, msgspec.MsgspecError):
        return None
