"""Which action may start now: everything it waits for has ended well."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from compiler.engine.plan import Action, Plan
from compiler.engine.rows import NodeRow
from compiler.graph.node import Graph


def needs_of(plan: Plan, graph: Graph, known: Mapping[str, NodeRow]) -> dict[str, set[str]]:
    """For each action the actions that must end well before it.

    A node waits for what it reads. A deletion waits for those that have read
    what is deleted: until they are gone or have turned to something else.
    """
    work = {change.address: change for change in plan.work}
    nodes = {node.address: node for node in graph}
    needs: dict[str, set[str]] = {address: set() for address in work}
    for address, change in work.items():
        if change.action not in (Action.DELETE, Action.ROLLBACK):
            needs[address] = {ref.node for _, ref in nodes[address].inputs} & work.keys()
    for row in known.values():
        for producer in {ref.split(":")[0] for ref in row.inputs.values()}:
            deleted = producer in work and work[producer].action is Action.DELETE
            if deleted and row.address in work and row.address != producer:
                needs[producer].add(row.address)
    return needs


class Schedule(Struct, dict=True):
    """What waits, what is ready, what runs; ties go to the order of the plan."""

    order: tuple[str, ...]
    needs: dict[str, set[str]]
    _ready: list[tuple[int, str]] = field(default_factory=list)
    _rank: dict[str, int] = field(default_factory=dict)
    _waiters: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rank = {address: rank for rank, address in enumerate(self.order)}
        for address, needed in self.needs.items():
            for need in needed:
                self._waiters.setdefault(need, set()).add(address)
        for address in self.order:
            self._free(address)

    def take(self) -> str | None:
        """The next action that may start."""
        while self._ready:
            _, address = heapq.heappop(self._ready)
            if address in self.needs:
                return address
        return None

    def put_back(self, address: str) -> None:
        """An action that was taken and cannot start yet."""
        heapq.heappush(self._ready, (self._rank[address], address))

    def done(self, address: str) -> None:
        """An action ended well; those that waited only for it become ready."""
        self.needs.pop(address, None)
        for waiter in self._waiters.pop(address, ()):
            if waiter in self.needs:
                self.needs[waiter].discard(address)
                self._free(waiter)

    def failed(self, address: str) -> list[str]:
        """An action ended badly; gives those that can no longer start, in order."""
        self.needs.pop(address, None)
        lost: set[str] = set()
        edge = [address]
        while edge:
            for waiter in self._waiters.pop(edge.pop(), ()):
                if waiter in self.needs:
                    del self.needs[waiter]
                    lost.add(waiter)
                    edge.append(waiter)
        return sorted(lost, key=self._rank.__getitem__)

    def again(self, address: str, first: Iterable[str], rank: int) -> None:
        """Queue an action (once more) behind others that must end well first."""
        self._rank.setdefault(address, rank)
        self.needs[address] = set(first)
        for need in first:
            self._waiters.setdefault(need, set()).add(address)
        self._free(address)

    @property
    def left(self) -> tuple[str, ...]:
        """Everything that has not ended, running actions included."""
        return tuple(sorted(self.needs, key=self._rank.__getitem__))

    def _free(self, address: str) -> None:
        if not self.needs[address]:
            heapq.heappush(self._ready, (self._rank[address], address))
