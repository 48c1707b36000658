"""Keys: columns whose values together name a row, as a spec lists them."""

from __future__ import annotations

from compiler.analyse.columns import known_column
from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Path
from compiler.graph.types import Column, TableType


def key_place(path: Path, key: str | tuple[str, ...] | None, at: int = 0) -> Path:
    """Where one column of a key stands: a key of one column may be written without a list."""
    return (*path, at) if isinstance(key, tuple) else path


def key_of(
    scope: Scope, table: TableType, key: str | tuple[str, ...], path: Path
) -> tuple[Column, ...] | None:
    """The columns of a key that a table has; None and findings where one can name no row."""
    names = (key,) if isinstance(key, str) else key
    found: list[Column] = []
    for at, name in enumerate(names):
        place = key_place(path, key, at)
        column = known_column(scope, table, name, place)
        if column is None:
            continue
        if name in names[:at]:
            message, way = f"`{name}` stands twice in the key", "remove it"
        elif column.type.is_float or not column.type.is_scalar or column.type == "binary":
            message = f"`{name}` is {column.type}, which names no row"
            way = "a key is made of whole numbers, texts, dates or times"
        else:
            found.append(column)
            continue
        scope.findings.report(Code.KEY_TYPE, message, place, help=way)
    return tuple(found) if len(found) == len(names) else None
