"""Rows dealt to parts by chance: where chance puts into several parts what belongs together."""

from __future__ import annotations

from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Label, Path, Place
from compiler.graph.types import TableType
from specs.datasets import Split
from specs.models import Model
from specs.validation import Rule


def check_dealing(scope: Scope, name: str, split: Split, path: Path) -> None:
    """Warn where a key says that one thing has rows at several times, which may part."""
    table = scope.tables[name].type
    for place, rule in kept_rules(scope, name):
        things, times = _panel(rule.unique or (), table)
        if things and times and not split.group:
            told = " and ".join(f"`{thing}`" for thing in things)
            scope.findings.report(
                Code.KEY_ACROSS_PARTS,
                f"rows of one {told} come into several parts: the model is tried on what it"
                " has seen at another time",
                path,
                labels=(Label(f"a {told} has rows at more than one `{times[0]}`", Place(place)),),
                help=(
                    f"keep them together: `group: [{', '.join(things)}]`",
                    f"or part them in time: `split: {{train: {times[0]} < ..., test: ...}}`",
                ),
            )
            return


def check_time(scope: Scope, model: Model, path: Path) -> None:
    """Warn where a model that answers at a time is tried on times that it has learned from."""
    split = scope.stack.datasets[model.dataset].split
    if model.answers_at is None or split is None or not split.by_fraction:
        return
    now, place = model.answers_at, ("datasets", model.dataset, "split")
    scope.findings.report(
        Code.TIME_ACROSS_PARTS,
        f"the model answers at `{now}`, and is tried on times that it has learned from: rows come"
        " into the parts by chance",
        place,
        key=True,
        labels=(Label("the model answers at this time", Place((*path, "answers_at"))),),
        help=f"try it on later rows: `split: {{train: {now} < ..., test: {now} >= ...}}`",
    )


def kept_rules(scope: Scope, name: str) -> list[tuple[Path, Rule]]:
    """The rules that no published row breaks, of a table and of what it takes as it is."""
    found: list[tuple[Path, Rule]] = []
    seen: str | None = name
    while seen is not None:
        for index, rule in enumerate(scope.stack.validation.get(seen, ())):
            if rule.kept:
                found.append((("validation", seen, index, rule.verb), rule))
        seen = scope.taken(seen)
    return found


def _panel(key: tuple[str, ...], table: TableType) -> tuple[list[str], list[str]]:
    """The columns of a key by what they are: things, and times."""
    columns = [table.column(name) for name in key if name in table]
    times = [column.name for column in columns if column.type.is_temporal]
    return [column.name for column in columns if column.name not in times], times
