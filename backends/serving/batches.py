"""Windows that are over, put together for who compares them with their reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from backends.serving.windows import Window, Windows, label_of
from backends.whylogs.column import ColumnView
from backends.whylogs.container import (
    ProfiledColumn,
    ProfileSet,
    WindowProfile,
    read_profile,
    write_profile,
)
from compiler.backend import WindowBatch
from compiler.diagnostics import StackcError


def batches(windows: Windows, over: Iterable[Window], workdir: Path) -> Iterator[WindowBatch]:
    """One batch for the windows of each watch."""
    ordered = sorted(over, key=lambda window: (window.watch, window.begin))
    for watch, group in groupby(ordered, key=lambda window: window.watch):
        found = [(label_of(w.begin), *merged(w)) for w in group]
        columns = {c.name: c for _, of_window, _ in found for c in of_window}
        profiles = tuple(
            WindowProfile(label, profile.rows, profile.columns) for label, _, profile in found
        )
        path = workdir / f"{watch}.whylogs"
        write_profile(path, ProfileSet(tuple(columns.values()), profiles))
        yield WindowBatch(tuple(p.label for p in profiles), path, windows.reference(watch))


def merged(window: Window) -> tuple[tuple[ProfiledColumn, ...], WindowProfile]:
    """What all writers of a window have sketched; what cannot be read is as if never sketched."""
    columns: dict[str, ProfiledColumn] = {}
    views: dict[str, list[ColumnView]] = {}
    rows = 0
    for path in window.files:
        try:
            profile = read_profile(path)
        except StackcError:
            continue
        rows += profile.rows
        for column in profile.columns:
            known = columns.setdefault(column.name, column)
            if known.kind == column.kind:
                views.setdefault(column.name, []).extend(
                    w.columns[column.name] for w in profile.windows
                )
    together = {name: ColumnView.merged(views[name], columns[name].kind) for name in columns}
    return tuple(columns.values()), WindowProfile("", rows, together)
