"""What every operation says of itself.

A *step* is a pure function of its inputs: content-addressed, cached, safe to
repeat. A *resource* lives outside the store and is reconciled with what is
really there. ``capability`` names what a backend must offer to run it;
``observes`` names what of the outside world belongs to its key, asked at plan
time; ``forwards`` names outputs that are an input's very value, so that readers
are keyed by where the value comes from and not by the node it passed through
(a stricter rule or gate retrains nothing); ``version`` rises when the meaning
of the implementation changes; fields named in ``later`` were added when there
were projects already, and belong to no key as long as they have their default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from msgspec import Struct

Scalar: TypeAlias = str | int | float | bool | None
Params: TypeAlias = tuple[tuple[str, Scalar], ...]
"""Sorted names and values of an open set of parameters."""


def params(values: Mapping[str, Scalar]) -> Params:
    """Freeze a mapping of parameters."""
    return tuple(sorted(values.items()))


class Operation(Struct, frozen=True):
    """What every operation says of itself."""

    capability: ClassVar[str]
    category: ClassVar[str]
    kind: ClassVar[Literal["step", "resource"]] = "step"
    observes: ClassVar[bool] = False
    forwards: ClassVar[Mapping[str, str]] = {}
    version: ClassVar[int] = 1
    later: ClassVar[tuple[str, ...]] = ()
