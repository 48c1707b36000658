"""What a place of a spec is, in a few lines of Markdown."""

from __future__ import annotations

import json
from pathlib import Path as FilePath
from typing import Any

from compiler.diagnostics import Path
from compiler.graph import query
from compiler.graph.types import Column
from compiler.load.where import Here
from compiler.lsp import names
from compiler.lsp.language import key_of
from compiler.lsp.project import Project
from compiler.pipeline import Compiled
from specs.metrics import METRICS
from specs.stack import KINDS

SHOWN = 30
"""Columns of a table that are listed."""


def hover(project: Project, path: FilePath, offset: int) -> tuple[str, Here] | None:
    """The text for an offset of a file, and what stands there; None where nothing is to be said."""
    found = project.here(path, offset)
    if found is None:
        return None
    config, compiled = project.config(path), project.compiled(path)
    text = _key(found, config, compiled) if found.key else _value(found, config, compiled)
    return (text, found) if text else None


def _key(found: Here, config: Any, compiled: Compiled | None) -> str:
    path = found.path
    if len(path) == 2 and path[0] in KINDS:
        kinds = names.key_names(path) or (str(path[0]),)
        return _block(kinds, found.text, config, compiled)
    known = key_of(path, config)
    if known is not None:
        default = "" if known.default is None else f"\n\nDefault: `{json.dumps(known.default)}`"
        return f"**{known.name}**: {known.description}{default}"
    declared = len(path) == 4 and path[0] == "sources" and path[2] == "columns"
    if declared or names.keys_are_columns(path[:-1]):
        return _column(path, found.text, config, compiled)
    return ""


def _value(found: Here, config: Any, compiled: Compiled | None) -> str:
    path = found.path
    kinds = names.kinds_named(path)
    if kinds:
        return _block(kinds, found.text, config, compiled)
    word = names.word_at(found.text, found.inside)
    if names.holds_columns(path):
        text = _column(path, word, config, compiled)
        if text or not names.is_sql(path):
            return text
        return _block(query.TABLE_KINDS, word.lower(), config, compiled)
    if word in METRICS and path[-1:] and path[0] == "models":
        metric = METRICS[word]
        return f"**{word}**: {metric.description}\n\n{metric.better} is better"
    return _set_by(path, config, compiled)


def _set_by(path: Path, config: Any, compiled: Compiled | None) -> str:
    """What the key means, and the value that won with every place that set it."""
    known = key_of(path, config)
    lines = [f"**{known.name}**: {known.description}"] if known is not None else []
    history = compiled.provenance.history(path) if compiled is not None else []
    if history:
        value = json.dumps(history[-1].value, ensure_ascii=False, default=str)[:200]
        lines.append(f"`{value}` set at {history[-1].span}")
    lines += [f"{found.fate}: {found.span}" for found in history[:-1]]
    return "\n\n".join(lines)


def _block(kinds: tuple[str, ...], name: str, config: Any, compiled: Compiled | None) -> str:
    kind = next((kind for kind, block in names.blocks(config, kinds) if block == name), None)
    if kind is None:
        return ""
    lines = [f"**{name}** ({kind})"]
    body = config[kind][name]
    if isinstance(body, dict) and body.get("description"):
        lines.append(str(body["description"]))
    table = query.table(compiled.graph, name) if compiled is not None else None
    if table is not None and kind in query.TABLE_KINDS:
        shown = [f"- `{column.name}`: {_type(column)}" for column in table.columns[:SHOWN]]
        more = len(table.columns) - SHOWN
        lines.append("\n".join([*shown, *([f"- and {more} more"] if more > 0 else [])]))
    return "\n\n".join(lines)


def _column(path: Path, word: str, config: Any, compiled: Compiled | None) -> str:
    if compiled is None or not word:
        return ""
    for table in names.tables_in_scope(path, config):
        column = query.column(compiled.graph, table, word)
        if column is not None:
            lines = [f"**{column.name}** ({table}): {_type(column)}"]
            return "\n\n".join([*lines, *_origins(compiled, table, column)])
    return ""


def _type(column: Column) -> str:
    tags = f", {', '.join(column.tags)}" if column.tags else ""
    return f"{column.type}{'' if column.nullable else ', not null'}{tags}"


def _origins(compiled: Compiled, table: str, column: Column) -> list[str]:
    """Where its values come from, by the graph's lineage."""
    found = query.came_from(compiled.graph, compiled.reach, table, column.name)
    return [f"from `{spot}` ({flow.lower()})" for spot, flow in [*found.items()][:SHOWN]]
