"""One run of a plan: independent actions side by side, each journalled and then committed."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Findings, StackcError, fail
from compiler.engine import outbox, rows
from compiler.engine.commit import Ledger
from compiler.engine.execution import Input, InputDamaged, Job, Made, intent_of, perform
from compiler.engine.interrupt import interrupts
from compiler.engine.lanes import share_of, trains
from compiler.engine.placing import all_placed
from compiler.engine.plan import Action, Change, Plan
from compiler.engine.project import Project
from compiler.engine.reasons import Reason
from compiler.engine.results import Finished, Listener, RunResult, Status
from compiler.engine.schedule import Schedule, needs_of
from compiler.engine.tasks import unexpected
from compiler.graph.node import Graph, Node
from compiler.lower import Lowered

GRACE = 5.0
"""Seconds that tasks in threads get to end after an interrupt; workers end at once."""

_UNDOING = (Action.DELETE, Action.REPLACE, Action.ROLLBACK)
"""What is asked of the backend that made the resource, which need not be today's."""


class Run:
    """One run: the only writer of the state is the thread that calls ``go``.

    Args:
        project: Open for writing.
        graph: What the plan is of.
        lowered: A task for every node of it.
        plan: What to carry out.
        listener: Who is told as it goes on.
        ledger: Writes what happens into the state.
        known: The rows that the plan was held against.
        lanes: How many trainings stand side by side, and share the threads.
    """

    def __init__(
        self,
        project: Project,
        graph: Graph,
        lowered: Lowered,
        plan: Plan,
        listener: Listener,
        ledger: Ledger,
        known: Mapping[str, rows.NodeRow],
        lanes: int = 1,
    ) -> None:
        self._project = project
        self._lowered = lowered
        self._graph = graph
        self._plan = plan
        self._listener = listener
        self._nodes: Mapping[str, Node] = {node.address: node for node in graph}
        self._changes: dict[str, Change] = {change.address: change for change in plan.changes}
        self._known = dict(known)
        self._lanes = lanes
        needs = needs_of(plan, graph, self._known)
        self._schedule = Schedule(tuple(change.address for change in plan.work), needs)
        self._messages: queue.SimpleQueue[tuple[str, str, object]] = queue.SimpleQueue()
        self._running: dict[str, Job] = {}
        self._healed: set[str] = set()
        self._finished: list[Finished] = []
        self._failed: dict[str, tuple[Diagnostic, ...]] = {}
        self._skipped: dict[str, str] = {}
        self._findings = Findings()
        self._stop: Status | None = None
        self._ledger = ledger

    def go(self) -> RunResult:
        """Run everything to its end, whatever that is."""
        began = time.monotonic()
        self._ledger.begin()
        with interrupts(lambda: self._messages.put(("interrupt", "", None))):
            self._loop()
        status = self._stop or ("failed" if self._failed else "done")
        self._end(status)
        seconds = time.monotonic() - began
        failures = [d for found in self._failed.values() for d in found]
        return RunResult(
            self._ledger.run.id, status, tuple(self._finished), self._failed, self._skipped,
            (*failures, *self._findings.diagnostics), seconds,
        )  # fmt: skip

    def _loop(self) -> None:
        deadline: float | None = None
        while True:
            if self._stop is None:
                self._start_ready()
            if not self._running:
                return
            if self._stop is not None and deadline is None:
                self._project.workers.close()
                deadline = time.monotonic() + GRACE
            try:
                wait = None if deadline is None else max(0.0, deadline - time.monotonic())
                message = self._messages.get(timeout=wait)
            except queue.Empty:
                return
            self._handle(*message)

    def _start_ready(self) -> None:
        """Start what is ready while there is room; those that train take turns."""
        waiting: list[str] = []
        while len(self._running) < self._project.workers.limits.jobs and self._stop is None:
            address = self._schedule.take()
            if address is None:
                break
            if self._trains(address) and sum(map(self._trains, self._running)) >= self._lanes:
                waiting.append(address)
            else:
                self._guarded(address, partial(self._start, address))
        for address in waiting:
            self._schedule.put_back(address)

    def _trains(self, address: str) -> bool:
        return trains(self._changes[address], self._lowered)

    def _start(self, address: str) -> None:
        change = self._changes[address]
        self._listener.started(address, change.action)
        if change.action is Action.REUSE and self._reuse(change):
            return
        if change.action is Action.REUSE:
            change = replace(change, action=Action.RUN)
            self._changes[address] = change
        job = self._job(change)
        if change.action is Action.DELETE and change.kind == "step":
            self._made(job, Made(None, (), 0.0))
            return
        self._running[address] = job
        threading.Thread(target=self._work, args=(job,), daemon=True).start()

    def _job(self, change: Change) -> Job:
        old = self._known.get(change.address)
        old_task = None
        if change.action in _UNDOING and old and old.kind == "resource":
            old_task = self._lowered.restore(old.backend, old.operation, old.settings)
        if change.action is Action.ROLLBACK:
            assert old is not None  # only what the state knows is rolled back
            entry = self._ledger.enter(change.action, replace(old, run=self._ledger.run.id))
            return Job(change, entry, old=old, old_task=old_task)
        if change.action is Action.DELETE:
            assert old is not None  # only what the state knows is deleted
            entry = self._ledger.enter(change.action, old)
            return Job(change, entry, old=old, old_task=old_task)
        node = self._nodes[change.address]
        task = self._lowered.tasks[change.address]
        intent = intent_of(node, change, task, self._ledger.run.id)
        entry = self._ledger.enter(change.action, intent)
        shared = self._lanes > 1 and self._trains(change.address)
        threads = share_of(self._project.workers.limits, self._lanes) if shared else None
        return Job(change, entry, node, task, self._inputs(node), old, old_task, threads)

    def _inputs(self, node: Node) -> dict[str, Input]:
        return {
            name: Input(
                ref.node,
                ref.output,
                self._known[ref.node].outputs[ref.output],
                self._nodes[ref.node].output(ref.output),
            )
            for name, ref in node.inputs
        }

    def _work(self, job: Job) -> None:
        """In a thread of its own: no state, no listener, only messages."""
        address = job.change.address

        def progress(text: str) -> None:
            self._messages.put(("progress", address, text))

        try:
            self._messages.put(("made", address, perform(self._project, job, progress)))
        except (StackcError, InputDamaged) as error:
            self._messages.put(("failed", address, error))
        except BaseException as error:  # a bug of the engine's own must not hang the run
            found = self._project.workers.failed(address, "engine", unexpected(error))
            self._messages.put(("failed", address, found))

    def _handle(self, kind: str, address: str, value: object) -> None:
        if kind == "progress":
            self._listener.progress(address, str(value))
        elif kind == "interrupt":
            self._stop = "interrupted"
        else:
            job = self._running.pop(address)
            self._guarded(address, partial(self._ended, job, value))

    def _ended(self, job: Job, value: object) -> None:
        if isinstance(value, Made):
            self._made(job, value)
        elif isinstance(value, InputDamaged):
            self._heal(job, value)
        elif isinstance(value, StackcError):
            self._fail(job, value)

    def _guarded(self, address: str, action: Callable[[], None]) -> None:
        """A state that cannot be written ends the run; everything else goes on."""
        try:
            action()
        except StackcError as error:
            self._running.pop(address, None)
            self._tell_failure(address, error)
            if any(d.code in (Code.NO_SPACE, Code.PROJECT_FOLDER) for d in error.diagnostics):
                self._stop = "failed"

    def _made(self, job: Job, made: Made) -> None:
        address = job.change.address
        drafts = [outbox.scrubbed(self._project, draft) for draft in made.events]
        self._ledger.commit(job.entry, made.row, drafts)
        if made.row is None:
            self._known.pop(address, None)
        else:
            self._known[address] = made.row
        self._tell_finished(job.change, made.seconds, made.row)

    def _reuse(self, change: Change) -> bool:
        node, task = self._nodes[change.address], self._lowered.tasks[change.address]
        found = rows.results(self._project.state, [change.key]).get(change.key)
        store = self._project.store
        if found is None or not all(
            store.has(o.digest, o.suffix, o.size) for o in found.outputs.values()
        ):
            return False
        intent = intent_of(node, change, task, self._ledger.run.id)
        row = replace(
            intent, outputs=found.outputs, summary=found.summary, seconds=found.seconds,
            finished=rows.now(),
        )  # fmt: skip
        self._ledger.reuse(row)
        self._known[change.address] = row
        self._tell_finished(change, 0.0, row)
        return True

    def _heal(self, job: Job, damaged: InputDamaged) -> None:
        """Make a damaged input again, then come back to the action that needed it."""
        address, producer = job.change.address, damaged.producer
        node = self._nodes[producer]
        if producer in self._healed and producer not in self._schedule.needs:
            message = f"the stored `{damaged.output}` of `{producer}` is damaged once more"
            way = "look at the disk, then apply again"
            self._fail(job, fail(Code.STATE_DAMAGED, message, help=way))
            return
        self._ledger.abandon(job.entry)
        if producer not in self._schedule.needs:
            self._healed.add(producer)
            self._findings.report(
                Code.OBJECT_DAMAGED,
                f"the stored `{damaged.output}` of `{producer}` is damaged and is made again",
                node.origin,
                help="look at the disk: stored files do not change by themselves",
            )
            change = self._changes[producer]
            action = Action.RUN if change.kind == "step" else Action.UPDATE
            reason = Reason("missing", "result damaged in the store")
            self._changes[producer] = replace(change, action=action, reasons=(reason,))
            before = {ref.node for _, ref in node.inputs} & self._schedule.needs.keys()
            self._schedule.again(producer, before, -1)
        self._schedule.again(address, {producer}, 0)

    def _fail(self, job: Job, error: StackcError) -> None:
        if self._stop is not None:
            self._ledger.abandon(job.entry)
            return
        drafts = outbox.failure_events(job.change.block, error.diagnostics)
        messages = [d.message for d in error.diagnostics]
        self._ledger.fail(job.entry, messages, drafts)
        self._tell_failure(job.change.address, error)

    def _tell_failure(self, address: str, error: StackcError) -> None:
        node = self._nodes.get(address)
        found = all_placed(error.diagnostics, node.origin if node else ())
        self._failed[address] = found
        self._listener.failed(address, found)
        for lost in self._schedule.failed(address):
            self._skipped[lost] = address
            self._listener.skipped(lost, address)

    def _tell_finished(self, change: Change, seconds: float, row: rows.NodeRow | None) -> None:
        summary = row.summary if row is not None else {}
        self._finished.append(Finished(change.address, change.action, seconds, summary))
        self._schedule.done(change.address)
        self._listener.finished(change.address, seconds, summary)

    def _end(self, status: Status) -> None:
        """Write how the run ended; a full disk cannot stop the telling."""
        counts = Counter(done.action.value for done in self._finished)
        counts.update({"failed": len(self._failed), "skipped": len(self._skipped)})
        messages = [f"{d.code.value}: {d.message}" for f in self._failed.values() for d in f]
        if status == "interrupted":
            self._findings.diagnostics.append(
                Diagnostic(
                    Code.INTERRUPTED,
                    f"interrupted with {len(self._schedule.left)} actions left",
                    help=("apply again: what finished is kept",),
                )
            )
        try:
            self._ledger.end(status, {k: n for k, n in counts.items() if n}, messages)
        except StackcError as error:
            self._findings.add(error.diagnostics)
