"""Splits: parts that share rows or never have any, parts in the wrong order, strata of one row."""

from __future__ import annotations

from itertools import combinations

from compiler.analyse.algebra.dealing import check_dealing
from compiler.analyse.algebra.groups import always, endless
from compiler.analyse.algebra.judge import published
from compiler.analyse.algebra.keys import said
from compiler.analyse.algebra.never import check_condition
from compiler.analyse.algebra.passed import passed
from compiler.analyse.algebra.regions import Columns, Region, by_name, holding
from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Label, Path, Place
from compiler.graph.types import Column
from specs.datasets import Split

_CLOCK = ("year", "quarter", "month", "week", "day", "date", "timestamp")
"""Names of numbers that count time."""


def check_split(scope: Scope, name: str, split: Split, path: Path) -> None:
    """Report what of a split that is well formed can be known to be wrong."""
    info = scope.tables[name]
    columns = by_name(info.type)
    if split.by_fraction:
        if split.stratify is not None:
            _check_strata(scope, name, columns[split.stratify.lower()], (*path, "stratify"))
        check_dealing(scope, name, split, path)
        return
    rules = passed(scope, name)
    base = published(rules, info.type)
    regions: dict[str, Region] = {}
    for part, text in split.parts.items():
        condition = scope.services.binder.condition(text)
        what = f"the part `{part}` can never have a row"
        place = (*path, part)
        if not check_condition(condition, what, place, rules, columns, scope.findings):
            regions[part] = holding(condition, columns)
    for one, two in combinations(regions, 2):
        pair = regions[one], regions[two]
        _overlap(scope, (one, two), pair, base, columns, path)
    for later in ("validation", "test"):
        if "train" in regions and later in regions:
            _order(scope, later, regions["train"], regions[later], columns, path)


def _overlap(
    scope: Scope,
    names: tuple[str, str],
    regions: tuple[Region, Region],
    base: Region,
    columns: Columns,
    path: Path,
) -> None:
    """Report two parts that the same values belong to.

    Only where both say something of the same columns and nothing else: of
    other columns the data may know that they exclude each other.
    """
    one, two = regions
    both = one & two & base
    if not (one.exact and two.exact and set(one.domains) == set(two.domains) and one.domains):
        return
    if both.empty:
        return
    shared = " and ".join(
        f"`{columns[c].name}` is {said(both.of(c).values, columns[c].type)}"
        if not both.of(c).values.empty
        else f"`{columns[c].name}` is null"
        for c in one.domains
    )
    scope.findings.report(
        Code.PARTS_OVERLAP,
        f"rows in which {shared} belong to `{names[0]}` and to `{names[1]}`",
        (*path, names[1]),
        labels=(Label(f"`{names[0]}` takes them, too", Place((*path, names[0]))),),
        help="make the conditions exclude one another: a model is judged on rows it has not seen",
    )


def _order(
    scope: Scope, later: str, train: Region, judged: Region, columns: Columns, path: Path
) -> None:
    """Warn where all that is trained on lies behind all that is judged on."""
    for column in train.domains:
        kind = columns[column].type
        clock = kind.is_temporal or (kind.is_integer and column in _CLOCK)
        learnt, asked = train.of(column).values, judged.of(column).values
        if not clock or learnt.empty or asked.empty or column not in judged.domains:
            continue
        if learnt.spans[0][0] < asked.spans[-1][1]:
            continue
        scope.findings.report(
            Code.TRAINS_ON_FUTURE,
            "the model learns from what came after what it is judged on: "
            f"`{columns[column].name}` is {said(learnt, kind)}",
            (*path, "train"),
            labels=(Label(f"`{later}` is {said(asked, kind)}", Place((*path, later))),),
            help="train on the earlier rows",
        )
        return


def _check_strata(scope: Scope, name: str, column: Column, path: Path) -> None:
    """Report strata that are rows, or one stratum."""
    found, constant = endless(scope, name, column), always(scope, name, column)
    if constant is not None:
        value, labels = constant
        scope.findings.report(
            Code.STRATIFY,
            f"`{column.name}` is always {value}, so it divides nothing",
            path,
            labels=labels,
            help="leave `stratify` out, or name a column with several values",
        )
    elif found is not None:
        reason, labels = found
        unique = bool(labels)
        few = "stratify by a column with few values, "
        scope.findings.report(
            Code.STRATIFY,
            f"{reason}, so there are no shares of it to keep" if unique else reason,
            path,
            labels=labels,
            help=few + "such as the target"
            if unique
            else few + f"or say in a rule which ones there are: `in_set: {{{column.name}: [...]}}`",
        )
