"""Those who fit together: one process here, or the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct

from backends.training.problem import Part

Curves: TypeAlias = dict[str, list[float]]
"""Metric name to one value per round."""


class Crew:
    """One process, which keeps nothing on its way. A cluster's worker knows more.

    Every member runs the same fit on the same problem and calls the same
    methods in the same order; what they come to is the same for all of them.

    Attributes:
        rank: Which member this is, from 0.
        size: How many there are.
        keeps: Whether anything is kept on the way, to go on from.
        network: What LightGBM has to be told to find the others.
    """

    rank: int = 0
    size: int = 1
    keeps: bool = False
    network: Mapping[str, Any] = MappingProxyType({})

    def share(self, part: Part) -> Part:
        """Every ``size``-th row of a part, from the member's own rank.

        All, where there is none for each: metrics are then means of equal values.
        """
        if self.size == 1 or len(part.y) < self.size:
            return part
        mine = slice(self.rank, None, self.size)
        weight = None if part.weight is None else part.weight[mine]
        return Part(np.ascontiguousarray(part.x[mine]), part.y[mine], weight)

    def kept(self) -> Path | None:
        """The folder of what was kept last, where a fit goes on from it."""
        return None

    def keep(self, rounds: int, write: Callable[[Path], None]) -> bool:  # noqa: ARG002 (nothing is)
        """Have what was learnt in ``rounds`` rounds written to a folder, if it is time to.

        Tells whether it was: for all members, whichever of them writes.
        """
        return False


ALONE = Crew()


class Learnt(Struct, frozen=True):
    """What a fit came to, before it becomes ONNX.

    Attributes:
        model: The framework's own.
        curve: Metric name to one value per round.
    """

    model: Any
    curve: Curves


def rested(seen: list[float], patience: int | None) -> bool:
    """Whether the best value, the first where they are equal, is ``patience`` rounds ago."""
    return bool(seen) and patience is not None and len(seen) - 1 - best_of(seen) >= patience


def best_of(seen: list[float]) -> int:
    """The round with the least value, the first where they are equal."""
    return int(np.argmin(seen))
