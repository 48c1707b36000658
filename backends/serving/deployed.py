"""What a process serves at this moment: deployments by name, swapped as a whole."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import Struct

from backends.serving.model import ServedModel
from backends.serving.rows import Rows

Observe: TypeAlias = Callable[[Rows, list[dict[str, Any]]], None]


class Limits(Struct, frozen=True):
    """What one deployment takes on: requests at work, rows of one, seconds for one."""

    queue: int = 64
    rows: int = 1000
    timeout_s: float = 10


class Deployed(Struct, frozen=True):
    """One revision of one deployment; ``observe`` is told rows and answers after each request."""

    model: ServedModel
    revision: int
    digest: str
    limits: Limits = Limits()
    api_key: str | None = None
    observe: Observe | None = None

    def allows(self, key: str | None) -> bool:
        """Whether who shows this key may ask; takes as long whatever the key."""
        if self.api_key is None:
            return True
        shown = (key or "").encode("utf-8", "replace")
        return hmac.compare_digest(shown, self.api_key.encode())


class Models:
    """The deployments by name.

    Reading sees one whole state: each change replaces the mapping, and a request
    stays with the ``Deployed`` that it began with. ``awaited`` are the names that
    served before the server came up anew: who asks for one is told to ask again.
    """

    def __init__(self, awaited: Iterable[str] = ()) -> None:
        self._held: MappingProxyType[str, Deployed] = MappingProxyType({})
        self._awaited = frozenset(awaited)

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
        """Serve this from now on under that name."""
        self._held = MappingProxyType({**self._held, name: deployed})

    def remove(self, name: str) -> None:
        """Serve nothing under that name any more."""
        rest = {other: held for other, held in self._held.items() if other != name}
        self._held = MappingProxyType(rest)
        self._awaited -= {name}

    def items(self) -> list[tuple[str, Deployed]]:
        """All of them at this moment, by name."""
        return sorted(self._held.items())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._held))

    def allows(self, key: str | None) -> bool:
        """Whether who shows this key may see what tells of all: with any deployment's key."""
        keyed = [held for held in self._held.values() if held.api_key is not None]
        return not keyed or any(held.allows(key) for held in keyed)
