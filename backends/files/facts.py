"""What the data has of the columns that it should have: names and first values, cheaply.

A file is looked at again only after its content changed: what was found is
kept beside the fingerprints, by content and contract.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from backends.duckdb.connection import Connection, session
from backends.duckdb.text import name
from backends.files.casts import Cast, cast
from backends.files.fingerprint import content
from backends.files.inspect import looking
from backends.files.jsonl_files import keys
from backends.files.part import Part, Wanted
from backends.files.paths import resolve, scheme, shown
from backends.files.read import OPENERS
from compiler.analyse.services import Fact
from compiler.backend import Look
from compiler.diagnostics import StackcError, did_you_mean
from compiler.engine import durable
from compiler.graph.digest import canonical, digest
from compiler.graph.operations import ReadFiles
from compiler.graph.types import Column

ROWS = 1_000
"""Rows of a file whose values are held against the contract."""
_FILES = 8
_WIDE = 500
"""Columns beyond which only names are compared: planning the casts would take long."""
_SMALL = 16 << 20
"""Bytes up to which all keys of JSON lines are read."""
_LONGEST = 40
_KEPT = 5_000
_VERSION = 2

Facts = tuple[Fact, ...]


def compare_files(operations: Sequence[ReadFiles], state: Path, look: Look) -> tuple[Facts, ...]:
    """For each operation where its files differ from its columns; nothing where they fit.

    Files that are elsewhere or missing are passed over: reading them says why.
    ``state`` is a folder that remembers; where it is not there nothing is written.
    """
    if state.is_dir():
        return _remembered(operations, state, look)
    with tempfile.TemporaryDirectory() as folder:
        return _remembered(operations, Path(folder), look)


def _remembered(operations: Sequence[ReadFiles], state: Path, look: Look) -> tuple[Facts, ...]:
    memory = _load(state / "looks.json")
    found: dict[str, Facts] = {}
    asked = [_asked(operation, state, look) for operation in operations]
    new = {key: (o, files) for (key, files), o in zip(asked, operations, strict=True)
           if key is not None and key not in memory}  # fmt: skip
    if new:
        found = _looked(new, look)
        _save(state / "looks.json", {**memory, **found})
    known = {**memory, **found}
    return tuple(known.get(key, ()) if key else () for key, _ in asked)


def _asked(operation: ReadFiles, state: Path, look: Look) -> tuple[str | None, tuple[Path, ...]]:
    """What a look would be remembered by, and the files; None where there is nothing to look at."""
    if scheme(operation.path) is not None:
        return None, ()
    try:
        files = resolve(operation.path, look.project)
        # What is private is no part of an operation's key, and what is told depends on it.
        private = [column.is_private for column in operation.columns]
        seen = {"content": content(files, state), "of": operation, "private": private}
        key = digest({"version": _VERSION, **seen})
    except (StackcError, OSError):
        return None, ()
    return key, files[:_FILES]


def _looked(new: dict[str, tuple[ReadFiles, tuple[Path, ...]]], look: Look) -> dict[str, Facts]:
    """A look at each, in one session."""
    found: dict[str, Facts] = {}
    every = {file.resolve() for _, files in new.values() for file in files}
    with tempfile.TemporaryDirectory() as folder, session(looking(folder, look), every) as engine:
        for key, (operation, files) in new.items():
            real = {file.resolve(): shown(file, look.project) for file in files}
            with contextlib.suppress(duckdb.Error, OSError):
                found[key] = _told(engine, operation, real)
    return found


def _told(engine: Connection, operation: ReadFiles, real: dict[Path, str]) -> Facts:
    """The differences; of files that are broken what is wrong with them."""
    try:
        return tuple(_compared(engine, operation, real))
    except StackcError as error:
        return tuple(
            Fact("", "broken", found.message, found.help, found.code.value)
            for found in error.diagnostics
        )


def _compared(engine: Connection, operation: ReadFiles, real: dict[Path, str]) -> Iterator[Fact]:
    wanted = Wanted(operation.columns, dict(operation.options))
    parts = OPENERS[operation.format](engine, tuple(real), wanted, real.__getitem__)
    told: set[tuple[str, str]] = set()
    for part in parts:
        for fact in _differences(engine, part, operation.columns, real[part.files[0]]):
            if (fact.kind, fact.column) not in told:
                told.add((fact.kind, fact.column))
                yield fact


def _differences(
    engine: Connection, part: Part, columns: Sequence[Column], file: str
) -> Iterator[Fact]:
    present = _present(engine, part)
    known = [column.name for column in columns]
    for column in columns:
        if present is not None and column.name not in present:
            text = f"`{file}` has no column `{column.name}`"
            others = [other for other in present if other not in known]
            yield Fact(column.name, "missing", text, did_you_mean(column.name, others))
    for other in present or ():
        if other not in known:
            yield Fact(other, "added", f"`{file}` has a column `{other}`, which is not locked")
    shared = [c for c in columns if present is None or c.name in present]
    if len(shared) <= _WIDE:
        yield from _values(engine, part, shared, file)


def _present(engine: Connection, part: Part) -> list[str] | None:
    """The columns that there are; None where only reading all rows would tell."""
    if part.format != "jsonl":
        return [column for column, _ in part.columns]
    size = sum(file.stat().st_size for file in part.files)
    return keys(engine, part.files) if size <= _SMALL else None


def _values(engine: Connection, part: Part, columns: Sequence[Column], file: str) -> Iterator[Fact]:
    """Columns whose first values are not of their type, or null where they may not be."""
    types = dict(part.columns)
    reads = {c: cast(c, types[c.name], part.blank_is_null) for c in columns}
    for column in [c for c, read in reads.items() if not _castable(engine, read, types[c.name])]:
        del reads[column]
        given = types[column.name]
        yield Fact(column.name, "type", f"`{file}`: column `{column.name}` is {given}, "
                   f"which cannot become {column.type}")  # fmt: skip
    if not reads:
        return
    measured = ", ".join(_measures(read) for read in reads.values())
    scan = f"(SELECT * FROM {part.scan(part.files[:1])} LIMIT {ROWS})"
    (row,) = engine.execute(f"SELECT {measured} FROM {scan}").fetchall()
    for column, odd, nulls in zip(reads, row[::2], row[1::2], strict=True):
        if odd is not None:
            text = f"`{file}`: column `{column.name}` has {_quoted(column, odd)}"
            yield Fact(column.name, "type", f"{text}, which is no {column.type}")
        if nulls and not column.nullable:
            text = f"`{file}`: column `{column.name}` has no value in some row"
            yield Fact(column.name, "nulls", f"{text}, and may not be null")


def _castable(engine: Connection, read: Cast, given: str) -> bool:
    if read.plain or given == "VARCHAR":
        return True
    try:
        engine.execute(f"SELECT {read.checked} FROM (SELECT NULL::{given} AS {name(read.column)})")
    except duckdb.BinderException:
        return False
    return True


def _measures(read: Cast) -> str:
    """A value that does not fit, and how many are null."""
    x = name(read.column)
    known = f"{x} IS NOT NULL" if read.plain else read.known
    odd = f"first(CAST({x} AS VARCHAR)) FILTER (WHERE {read.misfit})"
    return f"{odd}, count(*) FILTER (WHERE NOT ({known}))"


def _quoted(column: Column, value: str) -> str:
    if column.is_private:
        return "a value"
    return f'"{value}"' if len(value) <= _LONGEST else f'"{value[:_LONGEST]}…"'


def _load(path: Path) -> dict[str, Facts]:
    try:
        found: Any = json.loads(path.read_bytes())
        if found["version"] != _VERSION:
            return {}
        return msgspec.convert(found["looks"], dict[str, tuple[Fact, ...]])
    except (OSError, ValueError, KeyError, TypeError, msgspec.ValidationError):
        return {}


def _save(path: Path, looks: dict[str, Facts]) -> None:
    """Keep what was seen; without room for it the next plan looks again."""
    recent = dict(list(looks.items())[-_KEPT:])
    document = {"version": _VERSION, "looks": msgspec.to_builtins(recent)}
    with contextlib.suppress(StackcError, OSError):
        durable.write(path, canonical(document))
