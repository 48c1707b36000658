"""Foresight: features that are known only after the model has to answer."""

from __future__ import annotations

import re

from compiler.analyse.algebra.dealing import check_time
from compiler.analyse.columns import known_column
from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Label, Path, Place
from compiler.graph.atoms import Atom, Atoms
from compiler.graph.node import Node
from compiler.graph.types import TableType

_ORDERED = re.compile(r"\s*(\w+)\s*(<=|<|=|>|>=)\s*(\w+)\s*")


def check_foresight(scope: Scope, atoms: Atoms, name: str) -> None:
    """Report features whose values of the same row are known later than the answer is due."""
    if scope.stack.models[name].answers_at:
        _check_model(scope, atoms, atoms.nodes[f"models.{name}/features"], name)


def _check_model(scope: Scope, atoms: Atoms, node: Node, name: str) -> None:
    wanted = scope.stack.models[name].answers_at or ""
    table = dict(node.inputs)["train"]
    place: Path = ("models", name, "answers_at")
    type_ = atoms.nodes[table.node].output(table.output)
    assert isinstance(type_, TableType)
    column = known_column(scope, type_, wanted, place)
    if column is None:
        return
    if not column.type.is_temporal:
        message = f"`{wanted}` is {column.type}, and a model has to answer at a time"
        scope.findings.report(Code.RULE_TYPE, message, place)
        return
    check_time(scope, scope.stack.models[name], place[:2])
    due = [atom for atom in atoms.of((table, wanted)) or () if atom.alone]
    for derived in node.lineage.columns if node.lineage else ():
        found = dict.fromkeys(
            atom
            for origin in derived.origins
            for atom in sorted(atoms.of((table, origin.column)) or (), key=str)
        )
        for atom in found:
            later = _known_later(scope, atom, due)
            if later is not None:
                where = (derived.place or Place(node.origin)).path
                _report(scope, derived.column, where, atom, later, place)
                break


def _known_later(scope: Scope, atom: Atom, due: list[Atom]) -> str | None:
    """The time at which a value is known, where that is not the time at which it is needed."""
    source, column = _source(atom)
    known_at = _known_at(scope, source, column)
    same_row = [other for other in due if other.chain == atom.chain and _source(other)[0] == source]
    if known_at is None or not atom.alone or not same_row:
        return None
    times = {_source(other)[1] for other in same_row}
    before = any(_is_before(scope, source, known_at, time) for time in times)
    return None if known_at in times or before else known_at


def _source(atom: Atom) -> tuple[str, str]:
    return atom.source[0].node.split("/", 1)[0].partition(".")[2], atom.source[1]


def _known_at(scope: Scope, source: str, column: str) -> str | None:
    columns = scope.stack.sources[source].columns or {}
    return columns[column].known_at if column in columns else None


def _is_before(scope: Scope, source: str, first: str, second: str) -> bool:
    """Whether a rule on the source says that one time is never after another."""
    for rule in scope.stack.validation.get(source, ()):
        match = _ORDERED.fullmatch(rule.expression or "")
        if match is not None and rule.kept:
            left, sign, right = match.groups()
            if (left, right) == (first, second) and sign in ("<", "<=", "="):
                return True
            if (left, right) == (second, first) and sign in (">", ">=", "="):
                return True
    return False


def _report(scope: Scope, feature: str, where: Path, atom: Atom, known_at: str, due: Path) -> None:
    source, column = _source(atom)
    said = Place(("sources", source, "columns", column, "known_at"))
    scope.findings.report(
        Code.KNOWN_LATER,
        f"feature `{feature}` needs `{column}`, which is known at `{known_at}` only",
        where,
        labels=(
            Label("the model has to answer at this time", Place(due)),
            Label(f"`{column}` is known then", said),
        ),
        help=(
            "take an earlier row's value: `lag(…) over (partition by … order by …)`",
            f"or say that it is never later: a rule `expression: {known_at} <= …` on the source",
        ),
    )
