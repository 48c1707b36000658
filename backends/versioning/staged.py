"""Rejected tables under ``.stackc/staged``: nobody's version, kept to be looked at."""

from __future__ import annotations

from pathlib import Path

from compiler.backend import TaskContext
from compiler.engine import durable


def keep(name: str, table: Path, context: TaskContext) -> str:
    """Keep a rejected table, in place of the one before it; returns how to look at it."""
    path = _place(name, context)
    durable.share(table, path)
    shown = path.relative_to(context.project) if path.is_relative_to(context.project) else path
    return f"the rejected table is kept as `{shown}` until the next version is published"


def drop(name: str, context: TaskContext) -> None:
    """Let go of it."""
    path = _place(name, context)
    if path.exists():
        durable.remove(path)


def _place(name: str, context: TaskContext) -> Path:
    return context.state / "staged" / f"{name}.parquet"
