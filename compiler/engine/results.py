"""What a run tells while it goes on, and what it leaves to tell at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from compiler.backend import Json
from compiler.diagnostics import Diagnostic
from compiler.engine.plan import Action

Status: TypeAlias = Literal["nothing", "done", "failed", "interrupted"]


class Listener:
    """Told of everything as it happens, always from the thread that called; override at will."""

    def started(self, address: str, action: Action) -> None:
        """An action starts."""

    def progress(self, address: str, text: str) -> None:
        """A running action says how far it is."""

    def finished(self, address: str, seconds: float, summary: Mapping[str, Json]) -> None:
        """An action ended well, and what it made is kept."""

    def failed(self, address: str, diagnostics: tuple[Diagnostic, ...]) -> None:
        """An action ended badly."""

    def skipped(self, address: str, because: str) -> None:
        """An action cannot start, because of the address that failed before it."""


class Finished(Struct, frozen=True):
    """An action that ended well."""

    address: str
    action: Action
    seconds: float
    summary: Mapping[str, Json]


class RunResult(Struct, frozen=True):
    """How a run went.

    Attributes:
        id: The run's id in the history; empty when there was nothing to do.
        status: nothing (to do), done, failed, or interrupted.
        finished: What ended well, in that order.
        failed: Findings by the address that they stopped.
        skipped: For each action that could not start the address that failed before it.
        diagnostics: All findings, warnings included.
        seconds: Wall time.
    """

    id: str
    status: Status
    finished: tuple[Finished, ...] = ()
    failed: Mapping[str, tuple[Diagnostic, ...]] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything is as the spec wants it."""
        return self.status in ("nothing", "done")
