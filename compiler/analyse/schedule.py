"""Whose turn it is: queries are told ahead by many, and other blocks looked at meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct, field

TOLD = 300
"""Queries that are told together: one by one costs a multiple, and of fewer than the binder asks
about aside (`backends/duckdb/ahead`) it asks at once."""


class Schedule(Struct):
    """Blocks, each behind those that it reads; the same spec has the same order.

    A block with a query is told when all that it reads is done, and has its turn
    behind all others that could have theirs.

    Attributes:
        needs: For each block the blocks that it reads.
        queries: The blocks with a query.
        tell: Is told blocks whose queries will be bound.
    """

    needs: Mapping[str, set[str]]
    queries: set[str]
    tell: Callable[[Sequence[str]], None]
    free: deque[str] = field(default_factory=deque)
    untold: list[str] = field(default_factory=list)
    told: deque[str] = field(default_factory=deque)

    def turns(self, names: Sequence[str]) -> Iterator[str]:
        """These blocks; what they read besides is done."""
        left, readers = self._waiting(names)
        for name in names:
            if not left[name]:
                self._may(name)
        while turn := self._next():
            yield turn
            for reader in readers[turn]:
                left[reader] -= 1
                if not left[reader]:
                    self._may(reader)

    def _waiting(self, names: Sequence[str]) -> tuple[dict[str, int], dict[str, list[str]]]:
        """For each block how many of these it reads, and who of these reads it."""
        left: dict[str, int] = {}
        readers: dict[str, list[str]] = {name: [] for name in names}
        for name in names:
            read = self.needs[name] & readers.keys()
            left[name] = len(read)
            for other in read:
                readers[other].append(name)
        return left, readers

    def _may(self, name: str) -> None:
        if name not in self.queries:
            self.free.append(name)
            return
        self.untold.append(name)
        if len(self.untold) == TOLD:
            self._tell()

    def _next(self) -> str | None:
        if self.free:
            return self.free.popleft()
        if self.untold and not self.told:
            self._tell()
        return self.told.popleft() if self.told else None

    def _tell(self) -> None:
        self.tell(self.untold)
        self.told.extend(self.untold)
        self.untold = []
