"""Performance of what is deployed or predicted: the metric, its bound, and the labels' table."""

from __future__ import annotations

from msgspec import Struct

from compiler.analyse.algebra.gates import allowed, reach
from compiler.analyse.columns import known_column
from compiler.analyse.gates import metric_fits
from compiler.analyse.keys import key_of, key_place
from compiler.analyse.scope import ModelInfo, Scope
from compiler.analyse.unique import names_a_row
from compiler.codes import Code
from compiler.diagnostics import Label, Path, Place, did_you_mean
from compiler.graph.node import Ref
from compiler.graph.operations import Labels, Measure
from compiler.graph.query import TABLE_KINDS
from compiler.graph.types import Column, DocumentType, TableType, Task
from specs.metrics import METRICS
from specs.monitors import Monitor, PerformanceSpec


class Measuring(Struct, frozen=True):
    """How answers are measured, and where the labels stand."""

    measure: Measure
    labels: Ref


class Keyed(Struct, frozen=True):
    """The columns that name an answer's row, and the place that says so."""

    columns: tuple[Column, ...]
    place: Place


def performance_fits(scope: Scope, monitor: Monitor, path: Path) -> bool:
    """Whether what is watched answers, and says what only it can say; a finding if not."""
    asked, place = monitor.performance, (*path, "performance")
    if asked is None:
        return True
    if monitor.table is not None:
        _misplaced(
            scope,
            "a table answers nothing, so it has no performance",
            place,
            (*path, "table"),
            "watch a `deployment` or a `prediction`",
        )
    elif monitor.deployment is not None and asked.key is not None:
        _misplaced(
            scope,
            "the key of what is answered over HTTP is the deployment's",
            (*place, "key"),
            (*path, "deployment"),
            f"write it there: `deployments: {{{monitor.deployment}: {{key: …}}}}`",
        )
    elif monitor.prediction is not None and asked.within is not None:
        _misplaced(
            scope,
            "a prediction is measured at each apply, and waits for no labels",
            (*place, "within"),
            (*path, "prediction"),
            "remove it",
        )
    else:
        return True
    return False


def _misplaced(scope: Scope, message: str, place: Path, watched: Path, way: str) -> None:
    labels = (Label("what is watched", Place(watched)),)
    scope.findings.report(Code.BAD_VALUE, message, place, key=True, labels=labels, help=way)


def measure_deployment(
    scope: Scope, name: str, asked: PerformanceSpec, deployment: str
) -> Measuring | None:
    """How a monitor measures what a deployment answers; None and findings where it cannot."""
    block = scope.stack.deployments[deployment]
    key = scope.endpoints[deployment].key
    if key:
        keyed = Keyed(key, Place(key_place(("deployments", deployment, "key"), block.key)))
        return _measuring(scope, name, asked, block.model, keyed)
    scope.findings.report(
        Code.LABELS_UNJOINED,
        f"labels cannot be joined: `{deployment}` has no `key`",
        ("monitors", name, "performance", "labels"),
        labels=(Label("no `key` here", Place(("deployments", deployment), key=True)),),
        help=f"name the columns of `{scope.models[block.model].dataset}` that name a row, which"
        " requests carry: `key: …`",
    )
    return _measuring(scope, name, asked, block.model, None)


def measure_prediction(
    scope: Scope, name: str, asked: PerformanceSpec, prediction: str
) -> Ref | None:
    """Add the step that measures a prediction; None and findings where it cannot."""
    path: Path = ("monitors", name, "performance")
    block, table = scope.stack.predictions[prediction], scope.tables[prediction]
    if asked.key is None:
        scope.findings.report(
            Code.LABELS_UNJOINED,
            f"labels cannot be joined: nothing says which columns name a row of `{prediction}`",
            (*path, "labels"),
            labels=(Label("the prediction", Place((*path[:2], "prediction"))),),
            help="name them beside the labels: `key: …`",
        )
        _measuring(scope, name, asked, block.model, None)
        return None
    key = key_of(scope, table.type, asked.key, (*path, "key"))
    if key is None:
        return None
    keyed = Keyed(key, Place(key_place((*path, "key"), asked.key)))
    model = scope.models[block.model]
    metric = METRICS.get(asked.metric)
    if metric and metric.scores and model.type.task is Task.MULTICLASS:
        scope.findings.report(
            Code.METRIC_TASK,
            f"`{asked.metric}` of several classes needs the probabilities of all, and a prediction"
            " keeps one",
            (*path, "metric"),
            help="`accuracy` and `f1_macro` need none",
        )
        return None
    found = _measuring(scope, name, asked, block.model, keyed)
    if found is None:
        return None
    inputs = {"answers": table.published, "labels": found.labels, "model": model.registered}
    outputs = {"performance": DocumentType("performance")}
    return scope.add(f"monitors.{name}/measure", found.measure, inputs, {**outputs}, path)


def _measuring(
    scope: Scope, name: str, asked: PerformanceSpec, model: str, keyed: Keyed | None
) -> Measuring | None:
    """Add the step that reads the labels; None and findings where they cannot be held against.

    Whatever is wrong besides the key is found without one, too.

    Args:
        scope: Gets the node and the findings.
        name: The monitor.
        asked: What it asks for.
        model: The model whose answers are measured.
        keyed: What names a row of its answers; None where nothing does, which was told.
    """
    path: Path = ("monitors", name, "performance")
    info = scope.models[model]
    sound = _metric_fits(scope, asked, info.type.task, path)
    table = _table(scope, asked, path)
    if table is None:
        return None
    place = (*path, "labels")
    label = known_column(scope, scope.tables[table].type, _column(asked), place)
    if label is None or (keyed is not None and not _joins(scope, table, keyed, place)):
        return None
    if not _fits(scope, label, model, info, place) or not sound or keyed is None:
        return None
    _check_unique(scope, table, keyed, place)
    key = tuple(column.name for column in keyed.columns)
    found = scope.tables[table]
    columns = [*(found.type.column(column) for column in key), label]
    labels = scope.add(
        f"monitors.{name}/labels",
        Labels(key, label.name),
        {"table": found.published},
        {"table": TableType(tuple(columns))},
        place,
    )
    bound = asked.min if asked.min is not None else asked.max
    task, rows = info.type.task, asked.min_rows
    return Measuring(Measure(asked.metric, bound or 0.0, task, key, label.name, rows), labels)


def _column(asked: PerformanceSpec) -> str:
    return asked.labels.partition(".")[2]


def _metric_fits(scope: Scope, asked: PerformanceSpec, task: Task, path: Path) -> bool:
    """Whether the metric measures such models, by a bound that it can be on both sides of."""
    place = (*path, "metric")
    if not metric_fits(scope, asked.metric, task, place, "performance"):
        return False
    metric = METRICS[asked.metric]
    wanted = "min" if metric.better == "higher" else "max"
    bound = getattr(asked, wanted)
    if bound is None:
        other = "max" if wanted == "min" else "min"
        scope.findings.report(
            Code.PERFORMANCE_NEVER,
            f"`{asked.metric}` is better when it is {metric.better}: `{other}` would alert when all"
            " is well",
            (*path, other),
            key=True,
            labels=(Label("the metric", Place(place)),),
            help=f"write `{wanted}: {getattr(asked, other):g}`",
        )
        return False
    values, holds = reach(asked.metric, False), allowed(">=" if wanted == "min" else "<=", bound)
    if not values <= holds and not (values & holds).empty:
        return True
    never = values <= holds
    lower = (metric.floor is not None) and bound <= metric.floor
    limit = f"at least {metric.floor}" if lower else f"at most {metric.ceiling}"
    share = not lower and metric.ceiling == 1 and 2 <= bound <= 100
    way = "write a bound that it can be on both sides of"
    scope.findings.report(
        Code.PERFORMANCE_NEVER,
        f"this can {'never alert' if never else 'only alert'}: `{asked.metric}` is {limit}",
        (*path, wanted),
        labels=(Label("the metric", Place(place)),),
        help=f"`{asked.metric}` is a share: did you mean {bound / 100:g}?" if share else way,
    )
    return False


def _table(scope: Scope, asked: PerformanceSpec, path: Path) -> str | None:
    """The labels' table; None where there is none, or it has findings of its own."""
    table = asked.labels.partition(".")[0]
    if table in scope.tables:
        return table
    stack = scope.stack
    blocks = {name for kind in TABLE_KINDS for name in getattr(stack, kind)}
    if table not in blocks:
        ways = did_you_mean(table, blocks)
        message = f"there is no table `{table}`"
        scope.findings.report(Code.UNKNOWN_BLOCK, message, (*path, "labels"), help=ways)
    return None


def _joins(scope: Scope, table: str, keyed: Keyed, place: Path) -> bool:
    """Whether the labels' table has the columns of the key, of the same types."""
    held = scope.tables[table].type
    said = (Label("the key", keyed.place),)
    for column in keyed.columns:
        if column.name not in held:
            scope.findings.report(
                Code.LABELS_UNJOINED,
                f"labels cannot be joined: `{table}` has no column `{column.name}`",
                place,
                labels=said,
                help=(*did_you_mean(column.name, held.names), "a dataset in between may name it so")
                if did_you_mean(column.name, held.names)
                else f"give the labels the column by which they are found, `{column.name}`",
            )
            return False
        found = held.column(column.name).type
        if found != column.type and not (found.is_integer and column.type.is_integer):
            scope.findings.report(
                Code.LABELS_UNJOINED,
                f"labels cannot be joined: `{table}.{column.name}` is {found}, and the key is"
                f" {column.type}",
                place,
                labels=said,
                help=f"cast it in a dataset between the two:"
                f" `clean: [{{cast: {{{column.name}: {column.type}}}}}]`",
            )
            return False
    return True


def _fits(scope: Scope, label: Column, model: str, info: ModelInfo, place: Path) -> bool:
    """Whether a label is of the type that the model's target has."""
    name = scope.stack.models[model].target
    target = scope.tables[info.dataset].type.column(name)
    numbers = label.type.is_numeric and target.type.is_numeric
    same = label.type == target.type or (label.type.is_integer and target.type.is_integer)
    if same or (info.type.task is Task.REGRESSION and numbers):
        return True
    scope.findings.report(
        Code.LABEL_TYPE,
        f"a label of {label.type} cannot be held against `{model}`, whose target is {target.type}",
        place,
        labels=(Label("the target", Place(("models", model, "target"))),),
        help=f"cast it in a dataset between the two:"
        f" `clean: [{{cast: {{{label.name}: {target.type}}}}}]`",
    )
    return False


def _check_unique(scope: Scope, table: str, keyed: Keyed, place: Path) -> None:
    """Warn where nothing that is known says that a key names one row of the labels."""
    names = frozenset(column.name for column in keyed.columns)
    if names_a_row(scope, table, names):
        return
    listed = ", ".join(column.name for column in keyed.columns)
    scope.findings.report(
        Code.LABELS_MAY_REPEAT,
        f"nothing says that `{listed}` names one row of `{table}`: a key with two labels would"
        " stop the monitor",
        place,
        labels=(Label("the key", keyed.place),),
        help=f"make it a rule: `validation: {{{table}: [{{unique: [{listed}]}}]}}`",
    )
