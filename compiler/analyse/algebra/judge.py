"""All rules of one table held against each other and against its columns."""

from __future__ import annotations

from compiler.analyse.algebra.contradictions import check_contradictions
from compiler.analyse.algebra.entries import Entry, entries_of
from compiler.analyse.algebra.redundant import check_redundant
from compiler.analyse.algebra.regions import Region, by_name, whole
from compiler.analyse.algebra.tables import check_tables, check_texts, check_tolerance
from compiler.analyse.services import Binder
from compiler.diagnostics import Findings
from compiler.graph.types import TableType
from specs.validation import Rule


def check_rules(
    name: str, rules: tuple[Rule, ...], table: TableType, binder: Binder, findings: Findings
) -> tuple[Entry, ...]:
    """Report what of a table's rules can never hold and what has no effect.

    Each rule must fit its columns already. Returns the rules that every
    published row has passed.
    """
    columns = by_name(table)
    entries = entries_of(name, rules, columns, binder)
    broken = check_contradictions(entries, columns, binder, findings)
    check_redundant(entries, columns, broken, findings)
    check_texts(entries, findings)
    check_tables(name, rules, findings)
    check_tolerance(name, rules, findings)
    return tuple(entry for entry in entries if entry.kept and not broken & {*entry.passing.domains})


def published(entries: tuple[Entry, ...], table: TableType) -> Region:
    """What every row of a published table is: by its contract, and by its rules."""
    columns = by_name(table)
    region = whole(columns, columns)
    for entry in entries:
        region = region & entry.passing
    return region
