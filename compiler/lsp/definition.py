"""Where what a place of a spec names is written: a block's key, a column's declaration."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct

from compiler.diagnostics import Path, Place
from compiler.graph import query
from compiler.graph.lineage import Flow
from compiler.load.text import Text
from compiler.load.where import Here, key_at
from compiler.lsp import names
from compiler.lsp.findings import file_of
from compiler.lsp.project import Project
from compiler.pipeline import Compiled


class Target(Struct, frozen=True):
    """A file, and the offsets of what is meant in it."""

    file: FilePath
    start: int
    end: int


def definition(project: Project, path: FilePath, offset: int) -> Target | None:
    """Where the name at an offset of a file is written; None where it names nothing."""
    found = project.here(path, offset)
    if found is None:
        return None
    config = project.config(path)
    for place in _places(found, config, project.compiled(path)):
        target = _target(project, path, place)
        if target is not None:
            return target
    return None


def _places(found: Here, config: Any, compiled: Compiled | None) -> list[Path]:
    """The places that the name may lead to, the likeliest first."""
    path = found.path
    kinds = names.key_names(path) if found.key else names.kinds_named(path)
    if kinds:
        return [block for block in names.blocks(config, kinds) if block[1] == found.text]
    columns = names.keys_are_columns(path[:-1]) if found.key else names.holds_columns(path)
    if not columns:
        return []
    word = found.text if found.key else names.word_at(found.text, found.inside)
    places = [
        place
        for table in names.tables_in_scope(path, config)
        for place in _column(table, word, config, compiled)
    ]
    if names.is_sql(path):
        tables = names.blocks(config, query.TABLE_KINDS)
        places += [block for block in tables if block[1] == word.lower()]
    return places


def _column(table: str, word: str, config: Any, compiled: Compiled | None) -> list[Path]:
    """Where a column is declared: in its source, else the query that makes it."""
    if compiled is None:
        return [("sources", table, "columns", word)]
    column = query.column(compiled.graph, table, word)
    if column is None:
        return []
    origins = query.came_from(compiled.graph, compiled.reach, table, column.name)
    places: list[Path] = [("sources", table, "columns", column.name)]
    if [*origins.values()] == [Flow.IDENTITY]:
        (origin,) = origins
        kind, name = origin.block.split(".", 1)
        places += _column(name, origin.name, config, compiled) if name != table else []
        places.append((kind, name))
    return [*places, ("datasets", table, "sql"), ("datasets", table)]


def _target(project: Project, path: FilePath, place: Path) -> Target | None:
    """The place in the text at hand, else in the file that the last good compile had it from."""
    found = key_at(project.content(path), place)
    if found is not None:
        return Target(path, *found)
    compiled = project.compiled(path)
    span = compiled.provenance.span(Place(place, key=True)) if compiled is not None else None
    file = file_of(span)
    if span is None or file is None or not _set(compiled, place):
        return None
    text = Text(span.source, project.content(file))
    start = text.offset(span.line, span.column)
    return Target(file, start, text.offset(span.end_line, span.end_column))


def _set(compiled: Compiled | None, place: Path) -> bool:
    return compiled is not None and any(layer.sets(place) for layer in compiled.provenance.layers)
