"""What one revision answered while it was held against another: statuses and how long it took."""

from __future__ import annotations

from math import ceil, exp, log

_STEP = log(1.01)
"""Times are kept to one in a hundred, so that any number of them takes the same room."""
_SHORTEST = 1e-6


class Measured:
    """Counts of one revision; changed by the event loop's thread, read by any.

    What a client asked wrongly (4xx) says nothing of the revision: it is counted by its
    status and is no answer.
    """

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.answered = 0
        self.failed = 0
        self._times: dict[int, int] = {}

    def took(self, status: int, seconds: float, *, failed: bool = False) -> None:
        """One request was answered; ``failed`` where that is the revision's fault for sure."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if 400 <= status < 500 and not failed:
            return
        if status >= 500 or failed:
            self.failed += 1
        size = ceil(log(max(seconds, _SHORTEST)) / _STEP)
        self._times[size] = self._times.get(size, 0) + 1
        self.answered += 1

    def value(self, metric: str) -> float | None:
        """A metric by its name: ``error_rate``, ``p50_ms``, ``p99_ms``; None before any answer."""
        if not self.answered:
            return None
        if metric == "error_rate":
            return self.failed / self.answered
        return self._milliseconds({"p50_ms": 0.5, "p99_ms": 0.99}[metric])

    def _milliseconds(self, share: float) -> float:
        """In which so large a share of the requests was answered, up to 1 % above."""
        times = sorted([*self._times.items()])
        left = ceil(share * sum(count for _, count in times))
        for size, count in times:
            left -= count
            if left <= 0:
                return exp(size * _STEP) * 1000
        return 0.0
