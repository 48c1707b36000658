"""Policies: where tagged columns went, held against where they may not go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct

from compiler.analyse.scope import Scope
from compiler.analyse.tags import covers
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Label, Path, Place, did_you_mean
from compiler.graph.node import Node, Ref
from compiler.graph.operations import (
    CompareProfiles,
    Evaluate,
    FitFeatures,
    Operation,
    Publish,
    Score,
    Train,
    Watch,
)
from compiler.graph.trace import Hop, column_of, told, way
from compiler.graph.types import Column, TableType
from specs.policies import Aggregate, Policy

_CALLED = {
    "datasets": "a published dataset",
    "features": "features",
    "target": "a target",
    "predictions": "predictions",
    "profile": "profiles",
    "prediction_log": "what is kept of live traffic",
    "report": "reports",
    "alerts": "alerts",
}


class _Arrival(Struct, frozen=True):
    """A column at a place where policies may not let it come."""

    sink: str
    table: Ref
    column: str
    place: Place


def check_policies(scope: Scope) -> None:
    """Report every tagged column that came where a policy does not let it."""
    policies = scope.stack.policies
    if not policies:
        return
    _check_names(scope)
    nodes = {node.address: node for node in scope.nodes}
    seen: set[tuple[str, _Arrival]] = set()
    for node in scope.nodes:
        for arrival in _arrivals(nodes, node):
            column = column_of(nodes, arrival.table, arrival.column)
            for tag in column.tags if column else ():
                policy = denied(policies, tag, arrival.sink)
                if policy is not None and (tag, arrival) not in seen:
                    seen.add((tag, arrival))
                    _report(scope, nodes, arrival, tag, policy)


def denied(policies: Mapping[str, Policy], tag: str, sink: str) -> str | None:
    """The policy that does not let a tag go to a place; None where it may."""
    return next((n for n, p in policies.items() if covers(n, tag) and sink in p.deny), None)


def allowed(scope: Scope, columns: Iterable[Column], *sinks: str) -> tuple[Column, ...]:
    """The columns that may go to all of the places: for lists that the compiler makes itself."""
    policies = scope.stack.policies
    return tuple(
        column
        for column in columns
        if not any(denied(policies, tag, sink) for tag in column.tags for sink in sinks)
    )


def profiled(scope: Scope, table: TableType) -> tuple[str, ...]:
    """The columns of a table's profile: all that have a sketch and that policies let it have."""
    columns = allowed(scope, table.columns, "profile")
    return tuple(c.name for c in columns if c.type.is_scalar and c.type != "binary")


def _check_names(scope: Scope) -> None:
    """A policy for a tag that no column has would let everything through."""
    known = {tag for node in scope.nodes for tag in _declared(node)}
    for name in scope.stack.policies:
        if not any(covers(name, tag) for tag in known):
            message = f"no column has the tag `{name}`"
            ways = did_you_mean(name, known) or ("tag columns: `columns: {mail: {type: string,"
                                                 f" tags: [{name}]}}}}`",)  # fmt: skip
            scope.findings.report(
                Code.POLICY_UNUSED, message, ("policies", name), key=True, help=ways
            )


def _declared(node: Node) -> Iterator[str]:
    if not node.inputs:
        for _, output in node.outputs:
            if isinstance(output, TableType):
                yield from (tag for column in output.columns for tag in column.tags)


def _arrivals(nodes: Mapping[str, Node], node: Node) -> Iterator[_Arrival]:
    found = _SINKS.get(type(node.operation))
    if found is not None:
        yield from found(nodes, node)


def _published(_nodes: Mapping[str, Node], node: Node) -> Iterator[_Arrival]:
    kind, _, name = node.block.partition(".")
    table = node.output("table")
    if kind == "datasets" and isinstance(table, TableType):
        place = Place((kind, name), key=True)
        for column in table.names:
            yield _Arrival("datasets", Ref(node.address, "table"), column, place)


def _features(_nodes: Mapping[str, Node], node: Node) -> Iterator[_Arrival]:
    table = dict(node.inputs)["train"]
    for derived in node.lineage.columns if node.lineage else ():
        for origin in derived.origins:
            yield _Arrival("features", table, origin.column, derived.place or Place(node.origin))


def _target(_nodes: Mapping[str, Node], node: Node) -> Iterator[_Arrival]:
    operation = node.operation
    assert isinstance(operation, Train)
    name = node.block.partition(".")[2]
    place = Place(("models", name, "target"))
    yield _Arrival("target", dict(node.inputs)["train"], operation.target, place)


def _told_apart(_nodes: Mapping[str, Node], node: Node) -> Iterator[_Arrival]:
    """Columns whose values reports name: slices, and the groups of fairness."""
    operation = node.operation
    assert isinstance(operation, Evaluate)
    sensitive = operation.fairness.sensitive if operation.fairness is not None else ()
    evaluation = ("models", node.block.partition(".")[2], "evaluation")
    named: list[tuple[Path, str]] = [
        ((*evaluation, "slices", at), column) for at, column in enumerate(operation.slices)
    ]
    named += [
        ((*evaluation, "fairness", "sensitive", at), column) for at, column in enumerate(sensitive)
    ]
    for path, column in named:
        yield _Arrival("report", dict(node.inputs)["table"], column, Place(path))


def _kept(_nodes: Mapping[str, Node], node: Node) -> Iterator[_Arrival]:
    kind, _, name = node.block.partition(".")
    if kind != "predictions":
        return
    table = node.output("table")
    assert isinstance(table, TableType)
    operation = node.operation
    assert isinstance(operation, Score)
    here = Ref(node.address, "table")
    for at, column in enumerate(operation.keep):
        yield _Arrival("predictions", here, column, Place((kind, name, "keep", at)))
    answer = table.names[len(operation.keep)]
    yield _Arrival("predictions", here, answer, Place((kind, name, "model")))


def _compared(nodes: Mapping[str, Node], node: Node) -> Iterator[_Arrival]:
    """Columns that a monitor was told to compare; what it chose itself was chosen by policy."""
    operation = node.operation
    live = isinstance(operation, Watch)
    columns = operation.compare.columns if isinstance(operation, Watch) else ()
    if isinstance(operation, CompareProfiles):
        columns = operation.columns
    profile = nodes[dict(node.inputs)["reference"].node]
    table = dict(profile.inputs)["table"]
    name = node.block.partition(".")[2]
    sinks = ("profile", "prediction_log", "alerts") if live else ("profile", "alerts")
    for at, column in enumerate(columns):
        for sink in sinks:
            yield _Arrival(sink, table, column, Place(("monitors", name, "drift", "columns", at)))


def _watched(nodes: Mapping[str, Node], node: Node) -> Iterator[_Arrival]:
    """What a live monitor compares, and what it keeps until labels came."""
    yield from _compared(nodes, node)
    operation = node.operation
    assert isinstance(operation, Watch)
    if operation.measure is None:
        return
    inputs = dict(node.inputs)
    endpoint = nodes[inputs["endpoint"].node]
    asked = dict(nodes[dict(endpoint.inputs)["golden"].node].inputs)["table"]
    for column, place in _keys(endpoint, operation.measure.key):
        yield _Arrival("prediction_log", asked, column, place)
    labels = nodes[inputs["labels"].node]
    stated = Place(("monitors", node.block.partition(".")[2], "performance", "labels"))
    table = dict(labels.inputs)["table"]
    yield _Arrival("prediction_log", table, operation.measure.label, stated)


def _keys(endpoint: Node, key: tuple[str, ...]) -> Iterator[tuple[str, Place]]:
    """The columns of a key, and where the deployment names them."""
    path = ("deployments", endpoint.block.partition(".")[2], "key")
    for at, column in enumerate(key):
        yield column, Place(path if len(key) == 1 else (*path, at))


_SINKS: Mapping[type[Operation], Callable[[Mapping[str, Node], Node], Iterator[_Arrival]]] = {
    Publish: _published,
    FitFeatures: _features,
    Train: _target,
    Evaluate: _told_apart,
    Score: _kept,
    CompareProfiles: _compared,
    Watch: _watched,
}


def _report(
    scope: Scope, nodes: Mapping[str, Node], arrival: _Arrival, tag: str, name: str
) -> None:
    """The finding, with every hop from the source to where the column may not come."""

    def follow(hop: Hop) -> bool:
        column = column_of(nodes, hop.table, hop.column)
        return column is not None and tag in column.tags

    hops = way(nodes, Hop(arrival.table, arrival.column), follow)
    labels = [
        Label(f"`{column}` of {block} comes in here", place)
        for block, column, _, place in told(hops)
    ]
    if hops:
        labels.append(_source(hops[-1], tag))
    labels.append(Label("the policy", Place(("policies", name, "deny"), key=True)))
    scope.findings.diagnostics.append(
        _finding(arrival, tag, tuple(labels), scope.stack.policies[name], _unknown(nodes, hops))
    )


def _finding(
    arrival: _Arrival, tag: str, labels: tuple[Label, ...], policy: Policy, unknown: bool
) -> Diagnostic:
    message = f"`{arrival.column}` is `{tag}`, which may not go into {_CALLED[arrival.sink]}"
    ways = tuple(_way(until) for until in policy.until)
    leave = f"leave `{arrival.column}` out"
    if arrival.place.path[-1] == "model":
        leave = "add `model` to its `until`, if what a model answers may be shown"
    if arrival.place.path[-1] == "labels":
        leave = "name other labels"
    notes = ("the SQL on the way cannot be followed, so every column may come from every other",)
    return Diagnostic(
        Code.POLICY,
        message,
        arrival.place,
        labels=labels,
        help=(*ways, f"or {leave}") if ways else (leave,),
        notes=notes if unknown else (),
    )


def _source(hop: Hop, tag: str) -> Label:
    name = hop.table.node.split("/", 1)[0].partition(".")[2]
    place = Place(("sources", name, "columns", hop.column), key=True)
    return Label(f"`{hop.column}` is tagged `{tag}` here", place)


def _unknown(nodes: Mapping[str, Node], hops: tuple[Hop, ...]) -> bool:
    lineages = (nodes[hop.table.node].lineage for hop in hops)
    return any(lineage is not None and not lineage.known for lineage in lineages)


def _way(until: object) -> str:
    if isinstance(until, Aggregate):
        return (
            f"end the tag with statistics of groups of {until.aggregate} rows or more:"
            f" `group by … having count(*) >= {until.aggregate}`"
        )
    if until == "model":
        return "what a model answers has the tag no more"
    return f"end the tag with a `{until}` step in `clean`"
