"""What a contract promises, held against what the data has: findings with a place and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
_MEND = "mend the data, or change the column's contract"
_OTHER = "look whether it is the file that is meant"
_RELOCK = "`stackc lock SPEC --update` takes the data's columns over and prints what changed"


_FEW = 3
"""Missing columns that are told one by one; of more it is the data that is another."""


def report_facts(name: str, source: Source, facts: Iterable[Fact], findings: Findings) -> None:
    """Report where the data of a source differs from its declared or locked columns."""
    told = [*facts]
    missing = [fact for fact in told if fact.kind == "missing"]
    if len(missing) > _FEW:
        _report_many(name, source, missing, findings)
        told = [fact for fact in told if fact.kind != "missing"]
    for fact in told:
        if fact.kind == "broken":
            findings.report(Code(fact.code), fact.text, ("sources", name, "path"), help=fact.help)
        elif source.columns is None:
            place = ("sources", name, "path")
            findings.report(_LOCKED[fact.kind], fact.text, place, help=(*fact.help, _RELOCK))
        elif fact.kind in _DECLARED:
            path: Path = ("sources", name, "columns", fact.column)
            key = fact.kind == "missing"
            ways = (*fact.help, _MEND)
            findings.report(_DECLARED[fact.kind], fact.text, path, key=key, help=ways)


def _report_many(name: str, source: Source, missing: Sequence[Fact], findings: Findings) -> None:
    """One finding for a table that is another."""
    text = f"{missing[0].text}, nor {len(missing) - 1} others of the contract"
    if source.columns is None:
        place = ("sources", name, "path")
        findings.report(_LOCKED["missing"], text, place, help=_RELOCK)
    else:
        place = ("sources", name, "columns")
        findings.report(_DECLARED["missing"], text, place, key=True, help=(_OTHER, _MEND))
