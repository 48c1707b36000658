"""Makes the plan: looks outside, computes every key, and compares with the state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct, field

from compiler.backend import Json, Standing
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Findings, StackcError
from compiler.engine import rows
from compiler.engine.placing import placed
from compiler.engine.plan import Action, Change, Plan
from compiler.engine.project import Project
from compiler.engine.reasons import Reason, differences
from compiler.engine.recovery import recover, settle
from compiler.engine.rollouts import settle_rollouts
from compiler.engine.rows import NodeRow, Outputs
from compiler.engine.tasks import Call, Seed
from compiler.graph.node import Graph, Node, input_tokens, node_key
from compiler.graph.unknowns import unknowns
from compiler.lower import Lowered, LoweredTask

_KNOWN = (Action.KEEP, Action.REUSE)
"""What is done with nodes whose results are there already."""


def make_plan(project: Project, graph: Graph, lowered: Lowered, findings: Findings) -> Plan:
    """Say what would change and why; changes nothing outside.

    Where the project is open for writing, effects of an interrupted run are
    asked for first, and those that were made are taken over into the state; so
    is what became of rollouts.

    Args:
        project: The open project.
        graph: The graph that is wanted.
        lowered: A task for every node of it.
        findings: Gets W702 for damaged objects.

    Raises:
        StackcError: What observers and resources report: a missing file, a
            secret that is not set, a host that does not answer.
    """
    if project.writable:
        recover(project, graph, lowered)
        settle_rollouts(project, graph, lowered)
    known = rows.nodes(project.state)
    changes = _surveyed(project, graph, lowered, findings, known, known)
    wanted = {node.address for node in graph}
    gone = {address: row for address, row in known.items() if address not in wanted}
    return _bound(project, graph, lowered, (*changes, *deletions(gone)))


def plan_sweep(project: Project, graph: Graph, lowered: Lowered, findings: Findings) -> Plan:
    """Say what of a sweep's graph is known already and what has to run.

    It is held against results alone: what is applied is neither kept nor
    deleted by a sweep.

    Raises:
        StackcError: What observers report: a missing file, a host that does not answer.
    """
    if project.writable:
        settle(project)
    seen = rows.nodes(project.state)
    changes = _surveyed(project, graph, lowered, findings, {}, seen)
    return _bound(project, graph, lowered, changes)


def _surveyed(
    project: Project,
    graph: Graph,
    lowered: Lowered,
    findings: Findings,
    known: dict[str, NodeRow],
    seen: dict[str, NodeRow],
) -> tuple[Change, ...]:
    """The change of every node, held against the rows that are ``known``."""
    with TemporaryDirectory(prefix="stackc-") as scratch:
        nodes = {node.address: node for node in graph}
        survey = _Survey(project, lowered, findings, Path(scratch), known, seen, nodes)
        changes = tuple(change for node in graph if (change := survey.change(node)) is not None)
        findings.add(survey.problems)
        findings.stop_on_errors()
    return changes


def _bound(project: Project, graph: Graph, lowered: Lowered, changes: tuple[Change, ...]) -> Plan:
    state = project.state
    return Plan(state.lineage, state.serial, graph.name, graph.digest, lowered.digest, changes)


def deletions(gone: Mapping[str, NodeRow]) -> tuple[Change, ...]:
    """Deletes what is no longer wanted, readers before what they read."""
    readers: dict[str, set[str]] = {address: set() for address in gone}
    for row in gone.values():
        for producer in {ref.split(":")[0] for ref in row.inputs.values()} & gone.keys():
            readers[producer].add(row.address)
    order: dict[str, None] = {}
    waiting = set(gone)
    while waiting:
        free = sorted(address for address in waiting if readers[address] <= order.keys())
        # What reads in a circle cannot be, unless the state was tampered with: then any order.
        found = free or sorted(waiting)
        order.update(dict.fromkeys(found))
        waiting.difference_update(found)
    return tuple(_deletion(gone[address]) for address in order)


def _deletion(row: NodeRow) -> Change:
    reason = Reason("removed", "no longer in the spec")
    return Change(
        row.address, row.kind, row.operation, Action.DELETE, row.category, row.key,
        row.input_keys, row.observed, (reason,),
    )  # fmt: skip


class _Survey(Struct, dict=True):
    """One look at everything: keys bound so far, and what went wrong.

    ``rows`` are what nodes are held against; ``seen`` says what was found
    outside the last time, which may spare a second look.
    """

    project: Project
    lowered: Lowered
    findings: Findings
    scratch: Path
    rows: dict[str, NodeRow]
    seen: dict[str, NodeRow]
    nodes: dict[str, Node]
    keys: dict[str, str] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)

    def change(self, node: Node) -> Change | None:
        """A node's change; None when it, or what it reads, cannot be looked at."""
        task = self.lowered.tasks[node.address]
        row = self.rows.get(node.address)
        try:
            input_keys = input_tokens(node, self.nodes, self.keys)
        except KeyError:
            return None
        try:
            observed = self._observe(node, task, input_keys)
            key = node_key(node, input_keys, observed)
            self.keys[node.address] = key
            action, reasons = self._judge(node, task, row, key, input_keys, observed)
        except StackcError as error:
            self.problems.extend(placed(found, node.origin) for found in error.diagnostics)
            return None
        operation = type(node.operation)
        return Change(
            node.address, operation.kind, operation.__name__, action, operation.category, key,
            input_keys, observed, reasons, () if action in _KNOWN else unknowns(node),
        )  # fmt: skip

    def _observe(self, node: Node, task: LoweredTask, input_keys: dict[str, str]) -> str | None:
        if not type(node.operation).observes or task.lowering.observer is None:
            return None
        row = self.seen.get(node.address)
        last = row.observed if row is not None else None
        seed = self._seed(node.address, "", input_keys, last, task)
        call = Call(task.lowering.observer, None, (node.operation,), seed)
        found = self._run(call)
        return None if found is None else str(found)

    def _judge(
        self,
        node: Node,
        task: LoweredTask,
        row: NodeRow | None,
        key: str,
        input_keys: dict[str, str],
        observed: str | None,
    ) -> tuple[Action, tuple[Reason, ...]]:
        is_step = type(node.operation).kind == "step"
        if row is None:
            if is_step and self._known(key):
                return Action.REUSE, (Reason("known", "made before from the same inputs"),)
            return Action.RUN if is_step else Action.CREATE, (Reason("first", "first time"),)
        if is_step:
            return self._judge_step(node, row, key, input_keys, observed)
        return self._judge_resource(node, task, row, key, input_keys, observed)

    def _judge_step(
        self,
        node: Node,
        row: NodeRow,
        key: str,
        input_keys: dict[str, str],
        observed: str | None,
    ) -> tuple[Action, tuple[Reason, ...]]:
        if row.key == key:
            if self._complete(row.outputs, node):
                return Action.KEEP, ()
            return Action.RUN, (Reason("missing", "result missing from the store"),)
        reasons = differences(node, row, input_keys, observed)
        return Action.REUSE if self._known(key) else Action.RUN, reasons

    def _judge_resource(
        self,
        node: Node,
        task: LoweredTask,
        row: NodeRow,
        key: str,
        input_keys: dict[str, str],
        observed: str | None,
    ) -> tuple[Action, tuple[Reason, ...]]:
        if row.backend != task.backend:
            text = f"backend: {row.backend} → {task.backend}"
            return Action.REPLACE, (Reason("backend", text, "backend", row.backend, task.backend),)
        if row.key != key:
            reasons = differences(node, row, input_keys, observed)
            same = row.operation == type(node.operation).__name__
            return Action.UPDATE if same else Action.REPLACE, reasons
        settings = task.settings.model_dump(mode="json")
        if settings != row.settings:
            text = f"settings of the backend {task.backend} changed"
            return Action.UPDATE, (Reason("backend", text, "settings", row.settings, settings),)
        seed = self._seed(node.address, key, input_keys, observed, task)
        if not self._run(Call(task.lowering.target, "read", (row.attributes or {},), seed)):
            return Action.CREATE, (Reason("gone", "no longer there as it was made"),)
        if not self._complete(row.outputs, node):
            return Action.UPDATE, (Reason("missing", "result missing from the store"),)
        return self._judge_revision(task, row.attributes or {}, seed)

    def _judge_revision(
        self, task: LoweredTask, attributes: Mapping[str, Json], seed: Seed
    ) -> tuple[Action, tuple[Reason, ...]]:
        """A resource that is there: what was rolled back or aborted is still asked for."""
        former, why = attributes.get("rolled_back_from"), attributes.get("aborted")
        if former is not None:
            text = f"rolled back from revision {former}, which the spec still asks for"
            if why is not None:
                said = f"the canary of revision {former} was aborted: {why}"
                text = f"{said}; the spec still asks for it"
            return Action.UPDATE, (Reason("rolled_back", text),)
        if attributes.get("canary") is None:
            return Action.KEEP, ()
        found: Standing | None = self._run(
            Call(task.lowering.target, "standing", (attributes,), seed)
        )
        if found is None or found.promoted:
            return Action.KEEP, ()
        if found.promoted is None:
            return Action.KEEP, (Reason("canary", found.text),)
        text = f"{found.text}; the spec still asks for it"
        return Action.UPDATE, (Reason("rolled_back", text),)

    def _known(self, key: str) -> bool:
        found = rows.results(self.project.state, [key]).get(key)
        return found is not None and self._present(found.outputs)

    def _present(self, outputs: Outputs) -> bool:
        store = self.project.store
        return all(store.has(o.digest, o.suffix, o.size) for o in outputs.values())

    def _complete(self, outputs: Outputs, node: Node) -> bool:
        store = self.project.store
        for name, stored in outputs.items():
            if store.has(stored.digest, stored.suffix, stored.size):
                continue
            if store.damaged(stored.digest, stored.suffix):
                self.findings.report(
                    Code.OBJECT_DAMAGED,
                    f"the stored `{name}` of `{node.address}` is damaged and is made again",
                    node.origin,
                    help="look at the disk: stored files do not change by themselves",
                )
            return False
        return True

    def _seed(
        self,
        address: str,
        key: str,
        input_keys: dict[str, str],
        observed: str | None,
        task: LoweredTask,
    ) -> Seed:
        limits = self.project.workers.limits
        return Seed(
            address, key, input_keys, observed, self.project.root, self.project.folder,
            self.scratch, limits.threads, limits.memory, task.settings,
        )  # fmt: skip

    def _run(self, call: Call) -> Any:
        return self.project.workers.run(call, "thread", _silent)


def _silent(_text: str) -> None:
    """Looking is quick: there is no progress to show."""
