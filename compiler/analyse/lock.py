"""stackc.lock: the columns that were inferred, so that a look at the data happens once.

Every line says all of one column: its source, the digest of the definition it
was inferred from, its number in the table, its name and its type. So lines of
two versions of the file, put together in any order, are the lock of both: git
merges it by taking the lines of both sides (``merge=union``), and a file with
conflict markers still reads as what both sides wrote. Only a column that two
sides saw differently cannot be put together, and is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.digest import digest
from compiler.graph.types import Column, DataType
from compiler.load.parse import parse
from compiler.load.text import read_text, shown
from compiler.source import Span
from specs.sources import Source

LOCK_NAME = "stackc.lock"
MERGED = f"{LOCK_NAME} merge=union"
"""The line of ``.gitattributes`` by which git takes the lines of both sides."""
_HEADER = f"""\
# Made by stackc: the columns of sources that do not declare them. Commit this file.
# A line is a column. `{MERGED}` in .gitattributes lets git merge it.
"""
_LINE = re.compile(
    r"(?P<source>[a-z][a-z0-9_]*(?:@[a-z][a-z0-9_]*)?) (?P<origin>\S+) (?P<number>\d{1,6}) "
    r'(?P<name>"(?:[^"\\]|\\.)*") (?P<type>"(?:[^"\\]|\\.)*")'
)
_MARKER = re.compile(r"(?:(<{7})|(\|{7})|(={7})|(>{7}))(?: .*)?")
"""What git writes around the lines of the two sides of a conflict, and before their common base."""
_OLD = re.compile(r"^sources:", re.MULTILINE)

Seen = dict[tuple[str, str], dict[int, Column]]


class Locked(Struct, frozen=True):
    """One source's columns, and the digest of the definition they were inferred from."""

    origin: str
    columns: tuple[Column, ...]


def origin_of(source: Source) -> str:
    """Digest of what decides which data a source reads; 16 hex digits suffice here."""
    parts = {"path": source.path, "format": source.format, "sql": source.sql}
    options = source.csv.model_dump() if source.csv else None
    return digest({**parts, "csv": options, "connection": source.connection})[:16]


def read_lock(path: Path) -> dict[str, Locked]:
    """The lock by source name; empty where there is none.

    Of a source that is locked for several definitions the first one counts.

    Raises:
        StackcError: E101 to E105 where the file is no text, E316 where it is
            no lock, or where two sides of a merge saw a column differently.
    """
    if not path.exists():
        return {}
    text = read_text(path, shown(path)).content
    if _OLD.search(text):
        return _read_old(path)
    found: dict[str, Locked] = {}
    for (name, origin), columns in sorted(_seen(path, text.split("\n")).items()):
        if sorted(columns) != list(range(len(columns))):
            raise _damaged(path, f"columns of `{name}` are missing", 1, _again(name))
        found.setdefault(name, Locked(origin, tuple(columns[i] for i in sorted(columns))))
    return found


def _seen(path: Path, lines: Iterable[str]) -> Seen:
    """The columns of every line, by source and definition and then by number."""
    seen: Seen = {}
    base = False
    for number, line in enumerate(lines, 1):
        marker = _MARKER.fullmatch(line.rstrip())
        if marker is not None:
            base = marker[2] is not None
        if marker or base or not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        column = _column(match) if match is not None else None
        if match is None or column is None:
            raise _damaged(path, f"line {number} is no column", number)
        entry = seen.setdefault((match["source"], match["origin"]), {})
        if entry.setdefault(int(match["number"]), column) != column:
            why = f"column {match['number']} of `{match['source']}` stands there twice, differently"
            raise _damaged(path, why, number, _again(match["source"]))
    return seen


def _column(match: re.Match[str]) -> Column | None:
    try:
        name, kind = str(json.loads(match["name"])), str(json.loads(match["type"]))
        name.encode("utf-8")  # half a character is no name
    except ValueError:
        return None
    return Column(name, DataType(kind.removesuffix("!")), not kind.endswith("!"))


def _again(name: str) -> str:
    return f"remove the lines of `{name}` and compile again: the data is looked at anew"


def _damaged(path: Path, why: str, line: int = 1, way_out: str | None = None) -> StackcError:
    restore = f"restore {path.name} from version control, or delete it and compile again"
    return fail(
        Code.CONTRACT,
        f"{path.name} cannot be read: {why}",
        span=Span.point(shown(path), line),
        help=way_out or restore,
    )


def _read_old(path: Path) -> dict[str, Locked]:
    """The lock as it was written until now: YAML, a source's columns below its name."""
    data = parse(read_text(path, shown(path)), names=True)
    try:
        return {name: _entry(body) for name, body in (data or {}).get("sources", {}).items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _entry(body: dict[str, Any]) -> Locked:
    columns = tuple(
        Column(name, DataType(text.removesuffix("!")), not text.endswith("!"))
        for name, text in body["columns"].items()
    )
    return Locked(body["origin"], columns)


def render_lock(lock: Mapping[str, Locked]) -> str:
    """The lock as text: sorted, a line a column, ``!`` behind the type of what is not null."""
    lines = [
        f"{name} {entry.origin} {number:04} {_quoted(column.name)} "
        f"{_quoted(column.type + ('' if column.nullable else '!'))}"
        for name, entry in sorted(lock.items())
        for number, column in enumerate(entry.columns)
    ]
    return "\n".join([_HEADER, *lines]) + "\n"


def _quoted(text: str) -> str:
    """The text in double quotes, on one line: what does not show is written by its number."""
    shown = json.dumps(text, ensure_ascii=False)
    if shown.isprintable():
        return shown
    return json.dumps(text)


def difference(old: tuple[Column, ...], new: tuple[Column, ...]) -> tuple[str, ...]:
    """What changed between two contracts, a line each."""
    before, after = {c.name: c for c in old}, {c.name: c for c in new}
    lines = [f"- {c.name}: {_shown(c)}" for c in old if c.name not in after]
    lines += [f"+ {c.name}: {_shown(c)}" for c in new if c.name not in before]
    lines += [
        f"~ {c.name}: {_shown(before[c.name])} → {_shown(c)}"
        for c in new
        if c.name in before
        and (before[c.name].type, before[c.name].nullable) != (c.type, c.nullable)
    ]
    return tuple(lines)


def _shown(column: Column) -> str:
    return f"{column.type}{'' if column.nullable else ', not null'}"
