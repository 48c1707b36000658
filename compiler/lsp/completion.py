"""What may be written at a place of a spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path as FilePath
from typing import Any, Literal

from msgspec import Struct

from compiler.diagnostics import Path
from compiler.graph import query
from compiler.load.half import Typing, typing_at
from compiler.lsp import names
from compiler.lsp.language import keys_at, values_at
from compiler.lsp.project import Project
from compiler.pipeline import Compiled
from specs.metrics import METRICS

Kind = Literal["key", "block", "column", "value"]
_TAIL = re.compile(r"\w*\Z")


class Offer(Struct, frozen=True):
    """Something that may be written: what it is, and where what is there of it begins."""

    label: str
    kind: Kind
    detail: str
    text: str
    start: int


def completion(project: Project, path: FilePath, offset: int) -> list[Offer]:
    """What may stand at an offset of a file, which is most likely half-written."""
    typed = typing_at(project.content(path), offset)
    config, compiled = project.config(path), project.compiled(path)
    offers = list(_values(typed, config, compiled, offset)) if typed.value or typed.path else []
    if not typed.value or isinstance(typed.path[-1], int):
        offers += _keys(typed, config, compiled)
    return list({(offer.label, offer.kind): offer for offer in offers}.values())


def _keys(typed: Typing, config: Any, compiled: Compiled | None) -> Iterator[Offer]:
    path = typed.path
    for key in keys_at(path, config):
        if key.name not in typed.keys:
            yield Offer(key.name, "key", key.description, f"{key.name}: ", typed.start)
    if path == ("validation",):
        for kind, name in names.blocks(config, query.TABLE_KINDS):
            yield Offer(name, "block", kind, f"{name}:", typed.start)
    if names.keys_are_columns(path):
        for name, detail in _columns(path, config, compiled):
            yield Offer(name, "column", detail, f"{name}: ", typed.start)


def _values(typed: Typing, config: Any, compiled: Compiled | None, offset: int) -> Iterator[Offer]:
    path = typed.path
    tail = _TAIL.search(typed.word)
    start = offset - len(tail[0] if tail else "")
    for kind, name in names.blocks(config, names.kinds_named(path)):
        yield Offer(name, "block", kind, name, typed.start)
    if not typed.value:
        return
    for value in values_at(path, config):
        yield Offer(value, "value", "", value, typed.start)
    if names.is_sql(path):
        for kind, name in names.blocks(config, query.TABLE_KINDS):
            yield Offer(name, "block", kind, name, start)
    if names.holds_columns(path):
        for name, detail in _columns(path, config, compiled):
            yield Offer(name, "column", detail, name, start)
    if len(path) == 4 and path[0] == "models" and path[2] == "gates":
        for metric in METRICS.values():
            yield Offer(metric.name, "value", metric.description, metric.name, start)


def _columns(path: Path, config: Any, compiled: Compiled | None) -> Iterable[tuple[str, str]]:
    """The columns in scope with their types; as declared, while there is no compile."""
    found: dict[str, str] = {}
    for table in names.tables_in_scope(path, config):
        known = query.table(compiled.graph, table) if compiled is not None else None
        for column in known.columns if known is not None else ():
            found.setdefault(column.name, f"{column.type} of {table}")
        for name in () if known is not None else _declared(table, config):
            found.setdefault(name, f"column of {table}")
    return found.items()


def _declared(table: str, config: Any) -> list[str]:
    for part in ("sources", table, "columns"):
        config = config.get(part) if isinstance(config, dict) else None
    return list(config) if isinstance(config, dict) else []
