"""The local model registry: numbered versions of a name, one of them the champion.

``registry/<name>/<number>/`` holds ``model.onnx`` and ``registration.json``;
the second is written last and makes the version count. ``champion.json`` says
which number is the champion. Every write is one durable step, so a kill leaves
either the state before it or after it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.engine import durable
from compiler.graph.digest import canonical
from compiler.graph.documents import Registration

MODEL = "model.onnx"
RECORD = "registration.json"
CHAMPION = "champion.json"
_KEPT_OPERATIONS = 50


class Version(Struct, frozen=True):
    """One registered version.

    Attributes:
        registration: What users see of it.
        model_key: The key of the node that made the model.
        held: Digest of the champion that the candidate of that key was held
            against; None where there was none.
        operations: Ids of the operations that made or updated it, newest last.
        size: Bytes of the model file.
    """

    registration: Registration
    model_key: str
    held: str | None
    operations: tuple[str, ...]
    size: int

    @property
    def number(self) -> int:
        """Counts from 1 per name."""
        return self.registration["version"]

    @property
    def digest(self) -> str:
        """SHA-256 of the model file."""
        return self.registration["digest"]


class Registry:
    """The versions of one name under ``.stackc/registry``."""

    def __init__(self, state: Path, name: str) -> None:
        self.name = name
        self.folder = state / "registry" / name

    def versions(self) -> Iterator[Version]:
        """All versions whose registration is whole, newest first."""
        if not self.folder.is_dir():
            return
        numbers = [int(entry.name) for entry in self.folder.iterdir() if entry.name.isdecimal()]
        for number in sorted(numbers, reverse=True):
            version = self.version(number)
            if version is not None:
                yield version

    def version(self, number: int) -> Version | None:
        """One version; None where there is none or its registration is damaged."""
        found = _read(self.folder / str(number) / RECORD)
        if found is None:
            return None
        try:
            return Version(
                registration=_registration(found["registration"]),
                model_key=str(found["model_key"]),
                held=found["held"],
                operations=tuple(found["operations"]),
                size=int(found["size"]),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def champion(self) -> Version | None:
        """The version that is served and challenged; None before the first."""
        found = _read(self.folder / CHAMPION)
        number = found.get("version") if found is not None else None
        return self.version(number) if isinstance(number, int) else None

    def by_operation(self, operation_id: str) -> Version | None:
        """The version that an operation made or updated."""
        return next((v for v in self.versions() if operation_id in v.operations), None)

    def model(self, number: int) -> Path:
        """Where a version's model lies."""
        return self.folder / str(number) / MODEL

    def holds(self, version: Version) -> bool:
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

        for version in self.versions():
            path = self.model(version.number)
            if version.digest == digest and path.is_file() and digest_of(path) == digest:
                return path
        raise fail(
            Code.MODEL_UNREADABLE,
            f"the champion of `{self.name}` ({digest[:12]}) is missing from the registry,"
            " or its file is damaged",
            help="apply once without the gates that mention the champion:"
            " the candidate then becomes the new champion",
        )

    def add(
        self, source: Path, digest: str, model_key: str, metrics: Mapping[str, Any], operation: str
    ) -> Version:
        """Register a model as the next version; it is not the champion yet."""
        before = self.champion()
        followed = before.digest if before is not None else None
        number = self._next_number()
        version = Version(
            Registration(
                name=self.name,
                version=number,
                digest=digest,
                followed=followed,
                metrics=dict(metrics),
                created=datetime.now(UTC).isoformat(timespec="seconds"),
            ),
            model_key,
            followed,
            (operation,),
            source.stat().st_size,
        )
        durable.share(source, self.model(number))
        self.write(version)
        return version

    def write(self, version: Version) -> None:
        """Keep a version's registration."""
        record = {
            "registration": version.registration,
            "model_key": version.model_key,
            "held": version.held,
            "operations": list(version.operations[-_KEPT_OPERATIONS:]),
            "size": version.size,
        }
        durable.write(self.folder / str(version.number) / RECORD, canonical(record))

    def crown(self, number: int) -> None:
        """Make a version the champion."""
        durable.write(self.folder / CHAMPION, canonical({"version": number}))

    def clear(self) -> None:
        """Remove the name with all its versions; the champion goes first, the folders last."""
        if not self.folder.is_dir():
            return
        durable.remove(self.folder / CHAMPION)
        for version in self.versions():
            durable.remove(self.folder / str(version.number) / RECORD)
        with durable.guarded(self.folder):
            durable.point("registry.remove")
            shutil.rmtree(self.folder)
            durable.sync_folder(self.folder.parent)

    def _next_number(self) -> int:
        # A folder without its registration is what a kill left: its number is free.
        return max((version.number for version in self.versions()), default=0) + 1


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _registration(found: Mapping[str, Any]) -> Registration:
    return Registration(
        name=str(found["name"]),
        version=int(found["version"]),
        digest=str(found["digest"]),
        followed=found["followed"],
        metrics=dict(found["metrics"]),
        created=str(found["created"]),
    )
