"""Rules of whole tables, and rules that are told apart by their text alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.analyse.algebra.entries import Entry
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Path, Place
from specs.base import seconds_of
from specs.validation import Rule

Placed = tuple[Path, Rule]


def check_tables(name: str, rules: Sequence[Rule], findings: Findings) -> None:
    """Report rules of row counts, keys, freshness and references that contradict or repeat."""
    placed: dict[str, list[Placed]] = {}
    for index, rule in enumerate(rules):
        verb = rule.verb
        placed.setdefault(verb, []).append((("validation", name, index, verb), rule))
    _row_counts(placed.get("row_count", []), findings)
    _keys(placed.get("unique", []), findings)
    _freshness(placed.get("freshness", []), findings)
    _references(placed.get("references", []), findings)


def check_texts(entries: Sequence[Entry], findings: Findings) -> None:
    """Report expressions and patterns that stand there twice, whatever they mean."""
    seen: list[Entry] = []
    for entry in entries:
        if entry.surely is not None or entry.verb not in ("expression", "matches"):
            continue
        column = entry.path[-1]
        for other in seen:
            alike = (other.verb, other.argument, other.path[-1]) == (
                entry.verb, entry.argument, column,
            )  # fmt: skip
            if alike and other.as_strict_as(entry):
                _twice(entry.path, other.path, findings)
                break
        else:
            seen.append(entry)


def check_tolerance(name: str, rules: Sequence[Rule], findings: Findings) -> None:
    """Report rules that every row may break."""
    for index, rule in enumerate(rules):
        if rule.tolerance == 1:
            findings.report(
                Code.RULE_BY_CONTRACT,
                "this rule can never fail: every row may break it",
                ("validation", name, index, "tolerance"),
                help="a tolerance is a share of the rows, for example `0.01`",
            )


def _row_counts(rules: list[Placed], findings: Findings) -> None:
    for later, earlier in _pairs(rules):
        low, high = _counts(later), _counts(earlier)
        for (mine, least), (its, most) in (
            ((later, low), (earlier, high)),
            ((earlier, high), (later, low)),
        ):
            if least[0] > most[1]:
                _few_and_many(mine, its, later, findings)
                return
        if high[0] >= low[0] and high[1] <= low[1] and _stricter(earlier[1], later[1]):
            _adds_nothing(later, earlier, findings)
        elif low[0] >= high[0] and low[1] <= high[1] and _stricter(later[1], earlier[1]):
            _adds_nothing(earlier, later, findings)


def _counts(placed: Placed) -> tuple[float, float]:
    count = placed[1].row_count
    low = count.min if count and count.min is not None else 0
    return low, count.max if count and count.max is not None else float("inf")


def _few_and_many(least: Placed, most: Placed, later: Placed, findings: Findings) -> None:
    hard = least[1].on_failure == most[1].on_failure == "block"
    other = most if later is least else least
    findings.report(
        Code.RULES_CONTRADICT if hard else Code.RULES_DISAGREE,
        "no table has as many rows as one rule wants and as few as the other allows",
        later[0],
        labels=(Label("the other rule", Place(other[0])),),
        help="change one of them",
    )


def _keys(rules: list[Placed], findings: Findings) -> None:
    for (path, rule), (other_path, other) in _pairs(rules):
        mine, its = set(rule.unique or ()), set(other.unique or ())
        if mine == its and _stricter(other, rule):
            _twice(path, other_path, findings)
        elif its < mine and _stricter(other, rule):
            _adds_nothing((path, rule), (other_path, other), findings)
        elif mine < its and _stricter(rule, other):
            _adds_nothing((other_path, other), (path, rule), findings)


def _freshness(rules: list[Placed], findings: Findings) -> None:
    for later, earlier in _pairs(rules):
        one, two = later[1].freshness, earlier[1].freshness
        if one is None or two is None or one.column != two.column:
            continue
        ages = seconds_of(one.max_age), seconds_of(two.max_age)
        if ages[0] >= ages[1] and _stricter(earlier[1], later[1]):
            _adds_nothing(later, earlier, findings)
        elif ages[1] >= ages[0] and _stricter(later[1], earlier[1]):
            _adds_nothing(earlier, later, findings)


def _references(rules: list[Placed], findings: Findings) -> None:
    for (path, rule), (other_path, other) in _pairs(rules):
        for column, target in (rule.references or {}).items():
            if (other.references or {}).get(column) == target and _stricter(other, rule):
                _twice((*path, column), (*other_path, column), findings)


def _pairs(rules: list[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Each later rule with each earlier one; of very many the first ones."""
    few = rules[:100]
    return ((few[b], few[a]) for b in range(len(few)) for a in range(b))


def _stricter(one: Rule, other: Rule) -> bool:
    rank = ("warn", "quarantine", "block").index
    return rank(one.on_failure) >= rank(other.on_failure) and one.tolerance <= other.tolerance


def _twice(path: Path, other: Path, findings: Findings) -> None:
    labels = (Label("first here", Place(other)),)
    findings.report(
        Code.RULE_IMPLIED, "this rule stands here twice", path, labels=labels, help="remove it"
    )


def _adds_nothing(placed: Placed, other: Placed, findings: Findings) -> None:
    findings.report(
        Code.RULE_IMPLIED,
        "this rule adds nothing to another one",
        placed[0],
        labels=(Label("which already asks for more", Place(other[0])),),
        help="remove it, or make it stricter than the other one",
    )
