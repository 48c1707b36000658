"""Names: every reference leads to a block, no two tables share a name, nothing is a cycle."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from compiler.analyse.services import Binder
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Path, Place, did_you_mean
from compiler.graph.query import TABLE_KINDS
from specs.models import Model
from specs.monitors import Monitor, WindowSpec
from specs.stack import Stack


def check_names(stack: Stack, findings: Findings) -> dict[str, str]:
    """Report names that clash or lead nowhere; returns the kind of each table block."""
    kinds = _table_kinds(stack, findings)
    tables = set(kinds)
    _known_all(stack.validation, kinds, "validation", findings)
    for name, dataset in stack.datasets.items():
        if dataset.from_ is not None:
            _known(dataset.from_, tables, "table", ("datasets", name, "from"), findings)
    for name, model in stack.models.items():
        _known(model.dataset, stack.datasets, "dataset", ("models", name, "dataset"), findings)
    for name, prediction in stack.predictions.items():
        path = ("predictions", name)
        _known(prediction.model, stack.models, "model", (*path, "model"), findings)
        _known(prediction.table, tables, "table", (*path, "table"), findings)
    for name, deployment in stack.deployments.items():
        place = ("deployments", name, "model")
        _known(deployment.model, stack.models, "model", place, findings)
    for name, monitor in stack.monitors.items():
        _check_monitor(name, monitor, stack, tables, findings)
    return kinds


def _table_kinds(stack: Stack, findings: Findings) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for kind in TABLE_KINDS:
        for name in getattr(stack, kind):
            if name in kinds:
                first = Label("first used here", Place((kinds[name], name), key=True))
                findings.report(
                    Code.DUPLICATE_NAME,
                    f"`{name}` names two tables",
                    (kind, name),
                    key=True,
                    labels=(first,),
                    help="sources, datasets and predictions share one namespace: rename one",
                )
            kinds.setdefault(name, kind)
    return kinds


def _check_monitor(
    name: str, monitor: Monitor, stack: Stack, tables: set[str], findings: Findings
) -> None:
    path: Path = ("monitors", name)
    if monitor.table is not None:
        _known(monitor.table, tables, "table", (*path, "table"), findings)
    if monitor.reference is not None:
        _known(monitor.reference, tables, "table", (*path, "reference"), findings)
    if monitor.model is not None:
        _known(monitor.model, stack.models, "model", (*path, "model"), findings)
    if monitor.prediction is not None:
        place = (*path, "prediction")
        _known(monitor.prediction, stack.predictions, "prediction", place, findings)
    if monitor.deployment is not None:
        place = (*path, "deployment")
        _known(monitor.deployment, stack.deployments, "deployment", place, findings)
    for index, action in enumerate(monitor.on_alert):
        place = (*path, "on_alert", index, "notify")
        _known(action.notify, stack.notifications, "notification", place, findings)


def _known_all(names: Iterable[str], known: Collection[str], root: str, findings: Findings) -> None:
    for name in names:
        _known(name, known, "table", (root, name), findings, key=True)


def _known(
    name: str,
    known: Collection[str],
    kind: str,
    path: Path,
    findings: Findings,
    key: bool = False,
) -> None:
    if name not in known:
        ways = did_you_mean(name, known) or (f"there is no {kind} in this spec yet",)
        message = f"there is no {kind} `{name}`"
        findings.report(Code.UNKNOWN_BLOCK, message, path, key=key, help=ways)


def tables_read(
    stack: Stack, binder: Binder, known: Callable[[str], tuple[str, ...] | None]
) -> dict[str, tuple[str, ...]]:
    """For each dataset the names its SQL or ``from`` reads, whether they exist or not.

    ``known`` tells of a query what it reads, where that is known already.
    """
    queries = {dataset.sql for dataset in stack.datasets.values() if dataset.sql}
    binder.read_ahead(sorted(sql for sql in queries if known(sql) is None), ())
    found: dict[str, tuple[str, ...]] = {}
    for name, dataset in stack.datasets.items():
        used: tuple[str, ...] | None = (dataset.from_ or "",)
        if dataset.sql:
            used = known(dataset.sql)
            used = binder.tables(dataset.sql) if used is None else used
        # SQL's names have no case; blocks are lower case.
        found[name] = tuple(dict.fromkeys(table.lower() for table in used or ()))
    return found


def read_ahead(stack: Stack, binder: Binder, tables: Collection[str]) -> None:
    """Have all SQL of some tables, and of the monitors, read together."""
    datasets = [dataset for name, dataset in stack.datasets.items() if name in tables]
    checked = [rules for name, rules in stack.validation.items() if name in tables]
    rules = [rule.expression for rules in checked for rule in rules]
    parts = [part for d in datasets if d.split for part in d.split.parts.values()]
    windows = [m.window for m in stack.monitors.values() if isinstance(m.window, WindowSpec)]
    texts = [*rules, *parts, *(w.where for w in windows), *(w.by for w in windows)]
    expressions = [text for text in texts if isinstance(text, str)]
    binder.read_ahead([d.sql for d in datasets if d.sql], expressions)


def dependencies(
    stack: Stack, kinds: Mapping[str, str], reads: Mapping[str, tuple[str, ...]]
) -> dict[str, set[str]]:
    """For each table and model (``models.late``) the tables and models it reads."""
    needs: dict[str, set[str]] = {name: set() for name in kinds}
    for name, used in reads.items():
        needs[name].update(table for table in used if table in kinds)
    for name, rules in stack.validation.items():
        for rule in rules:
            for target in (rule.references or {}).values():
                table = target.partition(".")[0]
                if table in kinds and name in kinds and table != name:
                    needs[name].add(table)
    for name, prediction in stack.predictions.items():
        needs[name].update(t for t in (prediction.table,) if t in kinds)
        if prediction.model in stack.models:
            needs[name].add(f"models.{prediction.model}")
    for name, model in stack.models.items():
        needs[f"models.{name}"] = _model_needs(model, kinds)
    return needs


def _model_needs(model: Model, kinds: Mapping[str, str]) -> set[str]:
    return {model.dataset} if model.dataset in kinds else set()


def order(
    needs: Mapping[str, set[str]], kinds: Mapping[str, str], findings: Findings
) -> tuple[str, ...]:
    """Blocks in an order in which each comes behind what it reads; cycles are reported."""
    done: dict[str, None] = {}
    broken: set[str] = set()
    for start in sorted(needs):
        _visit(start, needs, done, broken, kinds, findings)
    return tuple(name for name in done if name not in broken)


def _visit(
    start: str,
    needs: Mapping[str, set[str]],
    done: dict[str, None],
    broken: set[str],
    kinds: Mapping[str, str],
    findings: Findings,
) -> None:
    """Depth first without recursion, so a chain of thousands of blocks is no matter."""
    trail: dict[str, list[str]] = {}
    stack = [start]
    while stack:
        name = stack[-1]
        if name in done:
            stack.pop()
            continue
        waiting = trail.setdefault(name, sorted(needs[name]))
        while waiting and (waiting[-1] in done or waiting[-1] in trail):
            other = waiting.pop()
            if other not in done and other not in broken:
                _report_cycle(_loop(list(trail), stack, other), kinds, findings)
                broken.update(_loop(list(trail), stack, other))
        if waiting:
            stack.append(waiting.pop())
        else:
            done[name] = None
            if needs[name] & broken:
                broken.add(name)
            del trail[name]
            stack.pop()


def _loop(trail: list[str], stack: list[str], first: str) -> list[str]:
    on_path = [name for name in stack if name in trail]
    return on_path[on_path.index(first) :] if first in on_path else [first]


def _report_cycle(loop: list[str], kinds: Mapping[str, str], findings: Findings) -> None:
    chain = " → ".join([*loop, loop[0]])
    labels = tuple(
        Label(f"`{name}` reads `{loop[(i + 1) % len(loop)]}`", Place(_place(name, kinds), key=True))
        for i, name in enumerate(loop)
        if i
    )
    findings.report(
        Code.CYCLE,
        f"these blocks read each other: {chain}" if len(loop) > 1 else f"`{loop[0]}` reads itself",
        _place(loop[0], kinds),
        key=True,
        labels=labels,
        help="break the circle: one of them must read something else",
    )


def _place(name: str, kinds: Mapping[str, str]) -> Path:
    if name.startswith("models."):
        return ("models", name.removeprefix("models."))
    return (kinds[name], name)
