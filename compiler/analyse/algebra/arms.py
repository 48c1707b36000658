"""Arms of ``case`` that are never taken: false by themselves, or taken by an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import cast

from compiler.analyse.algebra.conditions import (
    OPAQUE,
    All,
    Condition,
    Constant,
    Kind,
    Not,
    Op,
    Some,
    Test,
)
from compiler.analyse.algebra.regions import Columns, Region, holding, whole
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Path, Place, Within
from compiler.features.tree import At, Call, Cast, Literal, Name, Tree

_COMPARED: dict[str, tuple[Op, bool]] = {
    "=": ("=", False), "<>": ("=", True), "<": ("<", False), "<=": ("<=", False),
    ">": ("<=", True), ">=": ("<", True),
}  # fmt: skip
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_KINDS = ("integer", "decimal", "float", "string", "bool", "date", "timestamp")


def check_arms(tree: Tree, columns: Columns, path: Path, findings: Findings) -> None:
    """Warn of every arm in an expression that no row takes."""
    for call in _cases(tree):
        _check_case(call, columns, path, findings)


def _cases(tree: Tree) -> Iterator[Call]:
    stack: list[Tree] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Cast):
            stack.append(node.operand)
        elif isinstance(node, Call):
            if node.function in ("case", "switch"):
                yield node
            stack += node.arguments


def _check_case(call: Call, columns: Columns, path: Path, findings: Findings) -> None:
    arguments = list(call.arguments)
    subject = arguments.pop(0) if call.function == "switch" else None
    earlier: list[tuple[Region, At]] = []
    for tree in arguments[:-1:2]:
        held = holding(_condition(tree, subject), columns)
        held = held & whole(columns, held.domains)
        before = [(region, at) for region, at in earlier if _same_column(region, held)]
        if held.empty or (before and _within(held, [region for region, _ in before])):
            by = tuple(at for region, at in before if not (region & held).empty)
            _tell(tree.at, by, path, findings)
        elif held.exact:
            earlier.append((held, tree.at))


def _same_column(one: Region, two: Region) -> bool:
    return len(one.domains) == 1 and one.domains.keys() <= two.domains.keys()


def _within(held: Region, taken: list[Region]) -> bool:
    """Whether every row of a region is taken; along each column by itself, which suffices."""
    for column in held.domains:
        here = [region for region in taken if column in region.domains]
        if here and held.of(column) <= reduce(Region.__or__, here).of(column):
            return True
    return False


def _tell(at: At, by: tuple[At, ...], path: Path, findings: Findings) -> None:
    labels = tuple(Label("taken here", Place(path, Within(a.offset, a.length))) for a in by)
    findings.report(
        Code.ARM_NEVER,
        "this arm is never taken: " + ("earlier ones take all its rows" if by else "it is false"),
        path,
        within=Within(at.offset, at.length),
        labels=labels,
        help="the first arm that is true is taken: put the narrower one first"
        if by
        else "change its condition, or remove it",
    )


def _condition(tree: Tree, subject: Tree | None) -> Condition:
    """A condition of a feature's expression, as far as it is plain."""
    if subject is not None:
        return _test(subject, "=", [tree], tree.at)
    if isinstance(tree, Name):
        return Test(tree.name, "true", (), tree.at.offset, tree.at.length)
    if not isinstance(tree, Call):
        return OPAQUE
    name, arguments = tree.function, tree.arguments
    if name in ("and", "or"):
        parts = tuple(_condition(argument, None) for argument in arguments)
        return All(parts) if name == "and" else Some(parts)
    if name == "not":
        return Not(_condition(arguments[0], None))
    if name == "is null":
        return _test(arguments[0], "null", [], tree.at)
    if name == "in":
        return _test(arguments[0], "in", list(arguments[1:]), tree.at)
    if name == "between":
        low = _test(arguments[0], "<", [arguments[1]], tree.at)
        return All((Not(low), _test(arguments[0], "<=", [arguments[2]], tree.at)))
    return _compared(tree) if name in _COMPARED else OPAQUE


def _compared(call: Call) -> Condition:
    left, right = call.arguments
    name = call.function
    if not isinstance(left, Name):
        left, right, name = right, left, _TURNED.get(name, name)
    op, negated = _COMPARED[name]
    found = _test(left, op, [right], call.at)
    return Not(found) if negated else found


def _test(subject: Tree, op: Op, listed: list[Tree], at: At) -> Condition:
    constants = [_constant(item) for item in listed]
    if not isinstance(subject, Name) or None in constants:
        return OPAQUE
    known = tuple(c for c in constants if c is not None)
    return Test(subject.name, op, known, at.offset, at.length)


def _constant(tree: Tree) -> Constant | None:
    if not isinstance(tree, Literal) or tree.kind not in _KINDS or tree.value is None:
        return None
    text = str(tree.value).lower() if tree.kind == "bool" else str(tree.value)
    return Constant(cast(Kind, tree.kind), text)
