"""The rules that every row of a published table has passed: its own, and those of what it takes."""

from __future__ import annotations

from compiler.analyse.algebra.entries import Entry, entries_of
from compiler.analyse.algebra.regions import by_name
from compiler.analyse.scope import Scope


def passed(scope: Scope, name: str) -> tuple[Entry, ...]:
    """The rules of a table, without those that only warn.

    They are known where it was analysed just now, and are read again where it was recalled.
    """
    found = scope.passed.get(name)
    if found is None:
        columns, binder = by_name(scope.tables[name].type), scope.services.binder
        own = entries_of(name, scope.stack.validation.get(name, ()), columns, binder)
        found = (*handed_on(scope, name), *(entry for entry in own if entry.kept))
        scope.passed[name] = found
    return found


def handed_on(scope: Scope, name: str) -> tuple[Entry, ...]:
    """The rules that the rows of a table have passed before they came to it."""
    taken = scope.taken(name)
    return () if taken is None else passed(scope, taken)
