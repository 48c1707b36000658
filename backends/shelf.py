"""Numbered records of a name on disk, one of them the current one.

``<folder>/<number>/`` holds a record and its files; ``record.json`` is written
last and makes the number count. ``current.json`` says which number is current.
Every write is one durable step, so a kill leaves either the state before it or
after it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from compiler.engine import durable
from compiler.graph.digest import canonical

_RECORD, _CURRENT = "record.json", "current.json"


class Numbered(Protocol):
    """A record: its number, and the ids of the operations that made or updated it."""

    @property
    def number(self) -> int:
        """Counts from 1 per name."""

    @property
    def operations(self) -> tuple[str, ...]:
        """Newest last."""


Record = TypeVar("Record", bound=Numbered)


class Shelf(Generic[Record]):
    """The records of one name; what is damaged on disk counts as not there."""

    def __init__(self, folder: Path, kind: type[Record]) -> None:
        self.folder = folder
        self._kind = kind

    def records(self) -> Iterator[Record]:
        """All records that are whole, newest first."""
        for number in sorted(self._numbers(), reverse=True):
            found = self.record(number)
            if found is not None:
                yield found

    def record(self, number: int) -> Record | None:
        """One record; None where there is none or it is damaged."""
        try:
            content = (self.folder / str(number) / _RECORD).read_bytes()
            return msgspec.json.decode(content, type=self._kind)
        except (OSError, msgspec.MsgspecError):
            return None

    def current(self) -> Record | None:
        """The record that counts; None where there is none that can be read."""
        try:
            content = (self.folder / _CURRENT).read_bytes()
            return self.record(msgspec.json.decode(content, type=dict[str, int])["number"])
        except (OSError, msgspec.MsgspecError, KeyError):
            return None

    def by_operation(self, operation_id: str) -> Record | None:
        """The record that an operation made or updated."""
        return next((r for r in self.records() if operation_id in r.operations), None)

    def file(self, number: int, name: str) -> Path:
        """Where a file of a record lies."""
        return self.folder / str(number) / name

    def next_number(self) -> int:
        """The first free number: a folder without its record is what a kill left."""
        return max((record.number for record in self.records()), default=0) + 1

    def write(self, record: Record) -> None:
        """Keep a record; its files lie there already."""
        content = canonical(msgspec.to_builtins(record))
        durable.write(self.folder / str(record.number) / _RECORD, content)

    def point_at(self, number: int) -> None:
        """Make a record the current one."""
        durable.write(self.folder / _CURRENT, canonical({"number": number}))

    def remove(self, number: int) -> None:
        """Forget a record that is not the current one, and its files."""
        durable.remove(self.folder / str(number) / _RECORD)
        shutil.rmtree(self.folder / str(number), ignore_errors=True)

    def clear(self) -> None:
        """Remove the name: the pointer first, then what makes each number count."""
        if not self.folder.is_dir():
            return
        durable.remove(self.folder / _CURRENT)
        for number in sorted(self._numbers()):
            durable.remove(self.folder / str(number) / _RECORD)
        with durable.guarded(self.folder):
            durable.point("shelf.remove")
            shutil.rmtree(self.folder)
            durable.sync_folder(self.folder.parent)

    def _numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return [int(entry.name) for entry in self.folder.iterdir() if entry.name.isdecimal()]


def names(folder: Path) -> list[str]:
    """The names that have a shelf in a folder, sorted."""
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
