"""Validation rules: fitted to the columns they judge, and the publish behind them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from compiler.analyse.algebra.entries import Entry
from compiler.analyse.algebra.judge import check_rules
from compiler.analyse.algebra.keys import key_of_value
from compiler.analyse.algebra.passed import handed_on
from compiler.analyse.columns import known_column
from compiler.analyse.scope import Scope, TableInfo
from compiler.codes import Code
from compiler.diagnostics import Path, did_you_mean
from compiler.graph.node import Ref
from compiler.graph.operations import Params, Publish, Quarantine, Validate, params
from compiler.graph.operations import Rule as RuleOp
from compiler.graph.types import Column, DataType, DocumentType, TableType, ValueType
from specs.base import seconds_of
from specs.validation import Rule


def publish(scope: Scope, kind: str, name: str, table: TableType, staged: Ref) -> None:
    """Add validation, where there are rules, and the publish; the table is then known."""
    address = f"{kind}.{name}"
    inputs = {"table": staged}
    if scope.stack.validation.get(name):
        before = len(scope.findings.errors)
        rules, tables = _rules(scope, name, table)
        kept: tuple[Entry, ...] = ()
        if len(scope.findings.errors) == before:
            written = scope.stack.validation[name]
            kept = check_rules(name, written, table, scope.services.binder, scope.findings)
        scope.passed[name] = (*handed_on(scope, name), *kept)
        inputs["verdict"] = scope.add(
            f"{address}/validate",
            Validate(rules),
            {"table": staged, **tables},
            {"verdict": DocumentType("verdict")},
            ("validation", name),
        )
        inputs["table"] = _accepted(scope, name, address, rules, table, {"table": staged, **tables})
    outputs: dict[str, ValueType] = {"table": table, "version": DocumentType("version")}
    published = scope.add(f"{address}/publish", Publish(address), inputs, outputs, (kind, name))
    scope.tables[name] = TableInfo(table, published)


def _accepted(
    scope: Scope,
    name: str,
    address: str,
    rules: tuple[RuleOp, ...],
    table: TableType,
    inputs: dict[str, Ref],
) -> Ref:
    """The rows to publish: all of them, unless a rule sets some aside."""
    strict = tuple(rule for rule in rules if rule.on_failure == "quarantine")
    if not strict:
        return inputs["table"]
    named = {dict(rule.arguments).get("input") for rule in strict}
    used = {key: ref for key, ref in inputs.items() if key == "table" or key in named}
    aside = TableType((*table.columns, Column("_rules", DataType("string"), False)))
    outputs: dict[str, ValueType] = {"accepted": table, "quarantined": aside}
    path: Path = ("validation", name)
    return scope.add(f"{address}/quarantine", Quarantine(strict), used, outputs, path)


def _rules(scope: Scope, name: str, table: TableType) -> tuple[tuple[RuleOp, ...], dict[str, Ref]]:
    rules: list[RuleOp] = []
    tables: dict[str, Ref] = {}
    for index, rule in enumerate(scope.stack.validation[name]):
        path: Path = ("validation", name, index)
        for columns, arguments in _normal(scope, rule, table, path, tables):
            rules.append(
                RuleOp(
                    rule.name or _title(rule, columns),
                    rule.verb,
                    columns,
                    arguments,
                    rule.tolerance,
                    rule.on_failure,
                )
            )
    return tuple(rules), tables


def _title(rule: Rule, columns: Iterable[str]) -> str:
    inside = rule.expression or ", ".join(columns)
    return f"{rule.verb}({inside})" if inside else rule.verb


Normal = Iterator[tuple[tuple[str, ...], Params]]


def _normal(
    scope: Scope, rule: Rule, table: TableType, path: Path, tables: dict[str, Ref]
) -> Normal:
    """The rule as one entry per judged column, type-checked; nothing for what is wrong."""
    verb = rule.verb
    place = (*path, verb)
    if verb == "not_null":
        for index, column in enumerate(rule.not_null or ()):
            if known_column(scope, table, column, (*place, index)):
                yield (column,), ()
    elif verb == "unique":
        columns = rule.unique or ()
        checks = [known_column(scope, table, c, (*place, i)) for i, c in enumerate(columns)]
        if all(checks):
            yield columns, ()
    elif verb == "expression":
        text = rule.expression or ""
        bound = scope.services.binder.expression(text, table, "bool")
        if not scope.problems(bound.problems, place):
            yield (), params({"sql": text})
    elif verb == "row_count" and rule.row_count:
        yield (), params(rule.row_count.model_dump(exclude_none=True))
    elif verb == "freshness" and rule.freshness:
        yield from _freshness(scope, rule, table, place)
    elif verb == "references":
        yield from _references(scope, rule, table, place, tables)
    else:
        yield from _by_column(scope, rule, table, place)


def _by_column(scope: Scope, rule: Rule, table: TableType, place: Path) -> Normal:
    """between, in_set and matches: a mapping from column to argument."""
    for name, argument in sorted(getattr(rule, rule.verb).items()):
        here = (*place, name)
        column = known_column(scope, table, name, here, key=True)
        if column is None:
            continue
        wrong = _misfit(rule.verb, column, argument)
        if wrong:
            scope.findings.report(Code.RULE_TYPE, wrong[0], here, help=wrong[1])
            continue
        if rule.verb == "matches" and not _pattern_compiles(scope, argument, here):
            continue
        yield (name,), _arguments(rule.verb, argument)


def _pattern_compiles(scope: Scope, pattern: str, place: Path) -> bool:
    """Whether the engine that will run the pattern takes it."""
    problem = scope.services.binder.pattern(pattern)
    if problem is not None:
        message = f"this is no regular expression: {problem}"
        scope.findings.report(Code.RULE_TYPE, message, place, help="patterns are in RE2's syntax")
    return problem is None


def _arguments(verb: str, argument: Any) -> Params:
    if verb == "between":
        return params({"low": argument[0], "high": argument[1]})
    if verb == "in_set":
        return params({"values": json.dumps(list(argument), ensure_ascii=False)})
    return params({"pattern": argument})


def _misfit(verb: str, column: Column, argument: Any) -> tuple[str, str] | None:
    """Why a rule's argument does not fit its column, and the way out."""
    if verb == "matches" and column.type != "string":
        return (
            f"`matches` needs text, and `{column.name}` is {column.type}",
            "use `between`, `in_set` or an `expression`",
        )
    values = [v for v in argument if v is not None] if verb != "matches" else []
    for value in values:
        if not _fits(column.type, value):
            return (
                f"`{value}` can never be a value of `{column.name}`, which is {column.type}",
                f"write values of type {column.type}",
            )
    if verb == "between" and len(values) == 2 and _ordered(values[1], values[0], column.type):
        return (
            f"nothing lies between {values[0]} and {values[1]}",
            "write the lower bound first",
        )
    return None


def _ordered(low: Any, high: Any, type: DataType) -> bool:
    keys: tuple[Any, Any] = key_of_value(low, type), key_of_value(high, type)
    return None not in keys and bool(keys[0] < keys[1])


def _fits(type: DataType, value: Any) -> bool:
    if isinstance(value, bool):
        return type == "bool"
    if isinstance(value, int):
        return type.is_numeric
    if isinstance(value, float):
        return type.is_float or type.is_decimal or (type.is_numeric and value.is_integer())
    return type == "string" or type.is_temporal


def _freshness(scope: Scope, rule: Rule, table: TableType, place: Path) -> Normal:
    if rule.freshness is None:
        return
    here = (*place, "column")
    column = known_column(scope, table, rule.freshness.column, here)
    if column is None:
        return
    if column.type not in ("date", "timestamp", "timestamptz"):
        message = f"`freshness` needs a date or timestamp, and `{column.name}` is {column.type}"
        scope.findings.report(Code.RULE_TYPE, message, here)
        return
    yield (column.name,), params({"max_age_s": seconds_of(rule.freshness.max_age)})


def _references(
    scope: Scope, rule: Rule, table: TableType, place: Path, tables: dict[str, Ref]
) -> Normal:
    for name, target in sorted((rule.references or {}).items()):
        here = (*place, name)
        column = known_column(scope, table, name, here, key=True)
        other, _, other_column = target.partition(".")
        if other not in scope.tables:
            if other not in _blocks(scope):
                message = f"there is no table `{other}`"
                ways = did_you_mean(other, _blocks(scope))
                scope.findings.report(Code.UNKNOWN_BLOCK, message, here, help=ways)
            continue
        info = scope.tables[other]
        found = known_column(scope, info.type, other_column, here)
        if column is None or found is None:
            continue
        if (column.type == "string") != (found.type == "string"):
            message = f"`{name}` is {column.type} and `{target}` is {found.type}"
            scope.findings.report(Code.RULE_TYPE, message, here, help="they must be comparable")
            continue
        tables[f"references_{other}"] = info.published
        yield (name,), params({"input": f"references_{other}", "column": other_column})


def _blocks(scope: Scope) -> set[str]:
    stack = scope.stack
    return {*stack.sources, *stack.datasets, *stack.predictions}
