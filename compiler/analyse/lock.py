"""stackc.lock: the columns that were inferred, so that a look at the data happens once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.digest import digest
from compiler.graph.types import Column, DataType
from compiler.load.parse import parse
from compiler.load.text import read_text, shown
from specs.sources import Source

LOCK_NAME = "stackc.lock"
_HEADER = "# Made by stackc: the columns of sources that do not declare them. Commit this file.\n"


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

    Raises:
        StackcError: E101 to E105 where the file is no text or no YAML, E316
            where it is no lock.
    """
    if not path.exists():
        return {}
    data = parse(read_text(path, shown(path)), names=True)
    try:
        return {name: _entry(body) for name, body in (data or {}).get("sources", {}).items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _damaged(path: Path, why: str) -> Exception:
    return fail(
        Code.CONTRACT,
        f"{path.name} cannot be read: {why}",
        help=f"restore {path.name} from version control, or delete it and compile again",
    )


def _entry(body: dict[str, Any]) -> Locked:
    columns = tuple(
        Column(name, DataType(text.removesuffix("!")), not text.endswith("!"))
        for name, text in body["columns"].items()
    )
    return Locked(body["origin"], columns)


def render_lock(lock: dict[str, Locked]) -> str:
    """The lock as text: sorted by source, one column a line, ``!`` for not nullable.

    Two people who add different sources change different lines.
    """
    lines = [_HEADER, "sources:" if lock else "sources: {}"]
    for name in sorted(lock):
        lines += [f"  {name}:", f"    origin: {_quoted(lock[name].origin)}", "    columns:"]
        for column in lock[name].columns:
            mark = "" if column.nullable else "!"
            lines.append(f"      {_quoted(column.name)}: {_quoted(column.type + mark)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """The text in double quotes, on one line: what does not show is written by its number."""
    return f'"{"".join(map(_mark, text))}"'


def _mark(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


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
