"""What a contract promises, held against what the data has: findings with a place and a way out."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.analyse.services import Fact
from compiler.codes import Code
from compiler.diagnostics import Findings, Path
from specs.sources import Source

_DECLARED = {"missing": Code.COLUMN_MISSING, "type": Code.COLUMN_TYPE, "nulls": Code.COLUMN_NULLS}
_LOCKED = {
    "missing": Code.LOCKED_REMOVED,
    "type": Code.LOCKED_RETYPED,
    "nulls": Code.COLUMN_NULLS,
    "added": Code.COLUMN_ADDED,
}
_RELOCK = "`stackc lock SPEC --update` takes the data's columns over and prints what changed"


def report_facts(name: str, source: Source, facts: Iterable[Fact], findings: Findings) -> None:
    """Report where the data of a source differs from its declared or locked columns."""
    for fact in facts:
        if source.columns is None:
            findings.report(
                _LOCKED[fact.kind],
                fact.text,
                ("sources", name, "path"),
                help=(*fact.help, _RELOCK),
            )
        elif fact.kind in _DECLARED:
            path: Path = ("sources", name, "columns", fact.column)
            key = fact.kind == "missing"
            ways = (*fact.help, "mend the data, or change the column's contract")
            findings.report(_DECLARED[fact.kind], fact.text, path, key=key, help=ways)
