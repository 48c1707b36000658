"""What a process serves at this moment: deployments by name, swapped as a whole."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from math import inf
from time import monotonic
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import Struct, field

from backends.serving.judging import Verdict
from backends.serving.measured import Measured
from backends.serving.model import ServedModel
from backends.serving.rows import Rows, Scores
from compiler.graph.operations import Rollout

Observe: TypeAlias = Callable[[Rows, list[dict[str, Any]], Scores], None]


class Limits(Struct, frozen=True):
    """What one deployment takes on: requests at work, rows of one, seconds for one.

    ``drain_s`` is how long those at work are given once their revision is replaced.
    """

    queue: int = 64
    rows: int = 1000
    timeout_s: float = 10
    drain_s: float = 15


class Leaving:
    """Until when a revision answers what it was asked: for ever, until it is replaced."""

    def __init__(self) -> None:
        self.until = inf

    def within(self, seconds: float) -> float:
        """Seconds that a request may still take, of those that it usually may."""
        return max(0.0, min(seconds, self.until - monotonic()))


class Deployed(Struct, frozen=True):
    """One revision of one deployment.

    ``observe`` is told rows, answers, and what these were told from, after each request.
    ``canary`` is the revision that answers a share of the requests in its place.
    """

    model: ServedModel
    revision: int
    digest: str
    limits: Limits = Limits()
    api_key: str | None = None
    observe: Observe | None = None
    leaving: Leaving = field(default_factory=Leaving)
    canary: Canary | None = None

    def allows(self, key: str | None) -> bool:
        """Whether who shows this key may ask; takes as long whatever the key."""
        if self.api_key is None:
            return True
        shown = (key or "").encode("utf-8", "replace")
        return hmac.compare_digest(shown, self.api_key.encode())


class Canary:
    """A revision that answers a share of the requests, and what both answer meanwhile.

    ``percent`` of them; each is its turn or not by count, so that the share is kept however
    few there are. ``verdict`` is None until it is judged.
    """

    def __init__(self, deployed: Deployed, rollout: Rollout) -> None:
        self.deployed, self.rollout = deployed, rollout
        self.percent = rollout.canary
        self.new, self.former = Measured(), Measured()
        self.began = monotonic()
        self.verdict: Verdict | None = None
        self._due = 0

    def turn(self) -> bool:
        """Whether the canary's turn has come; asked by the event loop, once a request."""
        self._due += self.percent
        if self._due < 100:
            return False
        self._due -= 100
        return True


class Models:
    """The deployments by name.

    Reading sees one whole state: each change replaces the mapping, and a request
    stays with the ``Deployed`` that it began with. ``awaited`` are the names that
    served before the server came up anew: who asks for one is told to ask again.
    """

    def __init__(self, awaited: Iterable[str] = ()) -> None:
        self._held: MappingProxyType[str, Deployed] = MappingProxyType({})
        self._awaited = frozenset(awaited)
        self._left = 0.0

    def awaits(self, name: str) -> bool:
        """Whether it served before the server came up anew, and is not yet back."""
        return name in self._awaited and name not in self._held

    @property
    def ready(self) -> bool:
        """Whether everything that served before is back."""
        return self._awaited <= self._held.keys()

    def get(self, name: str) -> Deployed | None:
        """The deployment of that name."""
        return self._held.get(name)

    def put(self, name: str, deployed: Deployed) -> None:
        """Serve this from now on under that name; who no longer does may finish what it began."""
        before = self._held.get(name)
        self._held = MappingProxyType({**self._held, name: deployed})
        stay = [one.leaving for one in _revisions(deployed)]
        for one in _revisions(before):
            if one.leaving not in stay:
                self._leave(one)

    def remove(self, name: str) -> None:
        """Serve nothing under that name any more."""
        rest = {other: held for other, held in self._held.items() if other != name}
        for one in _revisions(self._held.get(name)):
            self._leave(one)
        self._held = MappingProxyType(rest)
        self._awaited -= {name}

    def drain(self) -> float:
        """Seconds that requests at work have when the server stops now; of those who left too."""
        served = [one.limits.drain_s for held in self._held.values() for one in _revisions(held)]
        return max(0.0, self._left - monotonic(), *served)

    def _leave(self, deployed: Deployed) -> None:
        deployed.leaving.until = monotonic() + deployed.limits.drain_s
        self._left = max(self._left, deployed.leaving.until)

    def items(self) -> list[tuple[str, Deployed]]:
        """All of them at this moment, by name."""
        return sorted(self._held.items())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._held))

    def allows(self, key: str | None) -> bool:
        """Whether who shows this key may see what tells of all: with any deployment's key."""
        keyed = [held for held in self._held.values() if held.api_key is not None]
        return not keyed or any(held.allows(key) for held in keyed)


def _revisions(deployed: Deployed | None) -> list[Deployed]:
    """Who answers under one name: the revision that serves, and its canary."""
    if deployed is None:
        return []
    return [deployed] if deployed.canary is None else [deployed, deployed.canary.deployed]
