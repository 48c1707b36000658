"""Columns by name, with a did-you-mean."""

from __future__ import annotations

from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Path, did_you_mean
from compiler.graph.types import Column, TableType


def known_column(
    scope: Scope, table: TableType, name: str, path: Path, key: bool = False
) -> Column | None:
    """The column of that name, or None and a finding at the path."""
    if name in table:
        return table.column(name)
    ways = did_you_mean(name, table.names)
    scope.findings.report(
        Code.UNKNOWN_COLUMN, f"there is no column `{name}`", path, key=key, help=ways
    )
    return None
