"""The ``.whylogs`` file: the profiles of all windows of one table, and what they are of.

A ZIP of stored entries: ``header.json`` and one serialized whylogs
``DatasetProfileView`` per window, each readable by whylogs itself.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from backends.whylogs.column import ColumnView
from backends.whylogs.compat import DatasetProfileView
from backends.whylogs.sketch import Kind
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail

FORMAT = 1
HEADER = "header.json"
_LIMIT = 1 << 30


class ProfiledColumn(Struct, frozen=True):
    """A column as it was profiled: its type's name and how it was sketched."""

    name: str
    type: str
    kind: Kind


class WindowProfile(Struct, frozen=True):
    """One window: its label, its rows, and the sketches of each column."""

    label: str
    rows: int
    columns: Mapping[str, ColumnView]


class ProfileSet(Struct, frozen=True):
    """Everything a profile file holds; ``windows`` in the order of their values."""

    columns: tuple[ProfiledColumn, ...]
    windows: tuple[WindowProfile, ...]

    @property
    def rows(self) -> int:
        """Rows of all windows."""
        return sum(window.rows for window in self.windows)

    def column(self, name: str) -> ProfiledColumn | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)

    def merged(self) -> WindowProfile:
        """All windows as one."""
        if len(self.windows) == 1:
            return self.windows[0]
        merged = {}
        for column in self.columns:
            views = [window.columns[column.name] for window in self.windows]
            merged[column.name] = ColumnView.merged(views, column.kind)
        return WindowProfile("all", self.rows, merged)


def write_profile(target: Path | IO[bytes], profiles: ProfileSet) -> None:
    """Write a profile file, or its bytes to what is open for writing."""
    header = {
        "format": FORMAT,
        "columns": [{"name": c.name, "type": c.type, "kind": c.kind} for c in profiles.columns],
        "windows": [{"label": w.label, "rows": w.rows} for w in profiles.windows],
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as file:
        file.writestr(_entry(HEADER), json.dumps(header, ensure_ascii=True))
        for number, window in enumerate(profiles.windows):
            file.writestr(_entry(f"{number}.bin"), _serialized(window))


def read_profile(path: Path) -> ProfileSet:
    """Read a profile file.

    Raises:
        StackcError: W702 where the file is damaged or is no profile.
    """
    try:
        with zipfile.ZipFile(path) as file:
            header = json.loads(_bounded(file, HEADER))
            if header["format"] != FORMAT:
                raise ValueError(f"its format is {header['format']}, this program reads {FORMAT}")
            columns = tuple(
                ProfiledColumn(str(c["name"]), str(c["type"]), c["kind"]) for c in header["columns"]
            )
            windows = tuple(
                _window(w, _bounded(file, f"{number}.bin"), columns)
                for number, w in enumerate(header["windows"])
            )
    except StackcError:
        raise
    except Exception as error:
        # Half-written bytes fail anywhere in zip, JSON, protobuf or the sketches' own readers.
        raise fail(
            Code.OBJECT_DAMAGED,
            f"the profile {path.name} cannot be read: {error}",
            help="apply again: a damaged object is made anew",
        ) from error
    return ProfileSet(columns, windows)


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name)


def _bounded(file: zipfile.ZipFile, name: str) -> bytes:
    info = file.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > _LIMIT:
        raise ValueError(f"its entry {name} is not as this program writes it")
    return file.read(info)


def _serialized(window: WindowProfile) -> bytes:
    epoch = datetime.fromtimestamp(0, UTC)
    columns = {name: column.view for name, column in window.columns.items()}
    view = DatasetProfileView(
        columns=columns, dataset_timestamp=epoch, creation_timestamp=epoch, metadata={}
    )
    data: bytes = view.serialize()
    return data


def _window(
    header: Mapping[str, Any], data: bytes, columns: tuple[ProfiledColumn, ...]
) -> WindowProfile:
    view = DatasetProfileView.deserialize(data)
    found = {}
    for column in columns:
        of_column = view.get_column(column.name)
        if of_column is None:
            raise ValueError(f"its window {header['label']!r} lacks the column {column.name!r}")
        found[column.name] = ColumnView(of_column, column.kind)
    return WindowProfile(str(header["label"]), int(header["rows"]), found)
