"""Monitors and notifications: reference, columns and method, and their nodes."""

from __future__ import annotations

from compiler.analyse.algebra.alerts import check_reach
from compiler.analyse.algebra.never import check_condition
from compiler.analyse.algebra.passed import passed
from compiler.analyse.algebra.regions import by_name
from compiler.analyse.compared import columns_between, columns_live, model_of, table_of
from compiler.analyse.performance import (
    measure_deployment,
    measure_prediction,
    performance_fits,
)
from compiler.analyse.policies import profiled
from compiler.analyse.scope import ModelInfo, Scope, TableInfo
from compiler.analyse.tags import answered
from compiler.codes import Code
from compiler.diagnostics import Path
from compiler.graph.node import Ref
from compiler.graph.operations import Alert, Channel, CompareProfiles, Profile, Score, Watch, Window
from compiler.graph.types import DocumentType, ProfileType, TableType
from specs.base import seconds_of
from specs.monitors import Monitor, WindowSpec

_HOUR, _WEEK = "1h", "7d"


def analyse_monitor(scope: Scope, name: str) -> None:
    """Add the nodes of one monitor."""
    monitor = scope.stack.monitors[name]
    path: Path = ("monitors", name)
    check_reach(monitor, path, scope.findings)
    _takes_alerts(scope, monitor, path)
    if monitor.performance is not None and not performance_fits(scope, monitor, path):
        return
    if monitor.deployment is not None:
        _live(scope, name, monitor, monitor.deployment, path)
        return
    info = scope.tables.get(table_of(scope, monitor))
    reference = _reference(scope, monitor)
    if info is None or reference is None:
        return
    window_fits = _window_fits(scope, monitor, info, path)
    columns = columns_between(scope, monitor, info, path)
    if columns is None or not window_fits:
        return
    asked = monitor.window
    window = Window(asked.where, asked.by) if isinstance(asked, WindowSpec) else Window()
    current = scope.add(
        f"monitors.{name}/profile",
        Profile(columns, window),
        {"table": info.published},
        {"profile": ProfileType(columns)},
        path,
    )
    drift = scope.add(
        f"monitors.{name}/compare",
        _comparison(monitor, columns),
        {"reference": reference, "current": current},
        {"drift": DocumentType("drift")},
        (*path, "drift"),
    )
    operation = Alert(f"monitors.{name}", _told(monitor))
    scope.add(f"monitors.{name}/alert", operation, {"drift": drift}, {}, path)
    if monitor.performance is not None and monitor.prediction is not None:
        measured = measure_prediction(scope, name, monitor.performance, monitor.prediction)
        if measured is not None:
            inputs = {"performance": measured}
            scope.add(f"monitors.{name}/alert_performance", operation, inputs, {}, path)


def _comparison(monitor: Monitor, columns: tuple[str, ...]) -> CompareProfiles:
    drift, rates = monitor.drift, monitor.rates
    return CompareProfiles(columns, drift.method, drift.threshold, rates.nulls, rates.unknown)


def _told(monitor: Monitor) -> tuple[str, ...]:
    return tuple(f"notifications.{action.notify}" for action in monitor.on_alert)


def _takes_alerts(scope: Scope, monitor: Monitor, path: Path) -> None:
    """Report channels that are told of runs and not of events."""
    for at, action in enumerate(monitor.on_alert):
        channel = scope.stack.notifications.get(action.notify)
        if channel is not None and channel.format != "cloudevents":
            scope.findings.report(
                Code.MONITOR,
                f"`{action.notify}` is told of runs and takes no alerts: it has"
                f" `format: {channel.format}`",
                (*path, "on_alert", at),
                help="name a notification with `format: cloudevents`",
            )


def _live(scope: Scope, name: str, monitor: Monitor, deployment: str, path: Path) -> None:
    """The watch over a deployment; what it is held against is what its model was trained on."""
    endpoint = scope.endpoints.get(deployment)
    if endpoint is None:
        return
    model = scope.models[scope.stack.deployments[deployment].model]
    columns = columns_live(scope, monitor, model, path)
    if columns is None:
        return
    reference = _answers(scope, name, model, columns, path)
    if reference is None:
        return
    asked = monitor.performance
    measuring = measure_deployment(scope, name, asked, deployment) if asked else None
    if asked is not None and measuring is None:
        return
    window = monitor.window if isinstance(monitor.window, str) else _HOUR
    operation = Watch(
        monitor=f"monitors.{name}",
        deployment=f"deployments.{deployment}",
        window_s=seconds_of(window),
        compare=_comparison(monitor, columns),
        notify=_told(monitor),
        measure=measuring.measure if measuring else None,
        within_s=seconds_of(asked.within or _WEEK) if asked else 0,
    )
    inputs = {"endpoint": endpoint.published, "reference": reference}
    kinds = ("drift", "performance") if measuring else ("drift",)
    outputs = {kind: DocumentType(kind) for kind in kinds}
    labels = {"labels": measuring.labels} if measuring else {}
    scope.add(f"monitors.{name}/watch", operation, {**inputs, **labels}, {**outputs}, path)


def _answers(
    scope: Scope, name: str, model: ModelInfo, columns: tuple[str, ...], path: Path
) -> Ref | None:
    """The profile of the training part; where answers are compared, with those it gets."""
    table = scope.tables[model.dataset]
    keep = tuple(c for c in model.type.request if c.name in columns)
    if len(keep) == len(columns):
        return table.profile
    both = [c.name for c in model.type.response if c.name in {k.name for k in keep}]
    if both:
        message = f"`{both[0]}` is a column of the requests and of the answers"
        place = (*path, "drift", "columns")
        scope.findings.report(Code.MONITOR, message, place, help="compare the others")
        return None
    scored = scope.add(
        f"monitors.{name}/score",
        Score(tuple(column.name for column in keep), model.threshold),
        {"model": model.registered, "table": table.parts["train"]},
        {"table": TableType((*keep, *model.type.response))},
        path,
        answered(model.type.response, [c.name for c in model.type.request], [c.name for c in keep]),
    )
    return scope.add(
        f"monitors.{name}/profile",
        Profile(columns),
        {"table": scored},
        {"profile": ProfileType(columns)},
        path,
    )


def _reference(scope: Scope, monitor: Monitor) -> Ref | None:
    """The profile of the model's training part, or of the reference table."""
    model = model_of(scope, monitor)
    if model is not None:
        info = scope.models.get(model)
        return scope.tables[info.dataset].profile if info else None
    table = scope.tables.get(monitor.reference or "")
    if table is None:
        return None
    return table.profile or _profile(scope, monitor.reference or "", table)


def _profile(scope: Scope, name: str, table: TableInfo) -> Ref:
    """A profile of a table that has none by itself; made once, shared by its monitors."""
    kind = table.published.node.partition(".")[0]
    address = f"{kind}.{name}/profile"
    if address in scope.by_address:
        return Ref(address, "profile")
    columns = profiled(scope, table.type)
    inputs, outputs = {"table": table.published}, {"profile": ProfileType(columns)}
    return scope.add(address, Profile(columns), inputs, {**outputs}, (kind, name))


def _window_fits(scope: Scope, monitor: Monitor, info: TableInfo, path: Path) -> bool:
    table = info.type
    if not isinstance(monitor.window, WindowSpec):
        return True
    where, by = monitor.window.where, monitor.window.by
    expected, key = ("bool", "where") if where is not None else (None, "by")
    bound = scope.services.binder.expression(where or by or "", table, expected)
    place = (*path, "window", key)
    if scope.problems(bound.problems, place):
        return False
    if where is not None:
        condition = scope.services.binder.condition(where)
        what, columns = "the window can never have a row", by_name(table)
        rules = passed(scope, table_of(scope, monitor))
        check_condition(condition, what, place, rules, columns, scope.findings)
    return True


def analyse_notification(scope: Scope, name: str) -> None:
    """Add the node of one notification."""
    block = scope.stack.notifications[name]
    path: Path = ("notifications", name)
    url = block.url
    if url is not None and not url.startswith(("http://", "https://", "${secret:")):
        message = "a webhook's address starts with `http://` or `https://`"
        scope.findings.report(Code.BAD_VALUE, message, (*path, "url"))
        return
    operation = Channel(
        f"notifications.{name}",
        url,
        tuple(sorted(block.headers.items())),
        block.events,
        block.format,
    )
    scope.add(f"notifications.{name}/channel", operation, {}, {}, path)
