"""Which part each row belongs to: exact shares, decided by a hash that no version changes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Hashes: TypeAlias = NDArray[np.uint64]
Parts: TypeAlias = NDArray[np.int16]

NONE = -1
"""The part of a row that is left out, where the fractions do not add up to one."""


def hashes(count: int, seed: int) -> Hashes:
    """One 64-bit number for each row, all different (splitmix64 of the row number)."""
    start = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "big")
    with np.errstate(over="ignore"):
        state = np.arange(1, count + 1, dtype=np.uint64)
        state *= np.uint64(0x9E3779B97F4A7C15)
        state += np.uint64(start)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            state ^= state >> np.uint64(shift)
            state *= np.uint64(factor)
    state ^= state >> np.uint64(31)
    return state


def sizes(count: int, fractions: Sequence[float]) -> list[int]:
    """How many of ``count`` rows each part gets: largest remainder, earlier parts first on ties."""
    total = min(1.0, math.fsum(fractions))
    exact = [count * fraction for fraction in fractions]
    found = [int(share + 1e-9) for share in exact]
    left = round(count * total) - sum(found)
    order = sorted(range(len(exact)), key=lambda i: (found[i] - exact[i], i))
    for i in order[: max(0, left)]:
        found[i] += 1
    return found


def assign(count: int, fractions: Sequence[float], seed: int) -> Parts:
    """The part of each row, with exact shares of the whole."""
    order = np.argsort(hashes(count, seed), kind="stable")
    return _dealt(order, [count], fractions)


def assign_strata(codes: NDArray[Any], fractions: Sequence[float], seed: int) -> Parts:
    """The part of each row, with exact shares of each stratum (``codes`` from 0)."""
    order = np.lexsort((hashes(len(codes), seed), codes))
    return _dealt(order, np.bincount(codes).tolist(), fractions)


def assign_groups(weights: NDArray[Any], fractions: Sequence[float], seed: int) -> Parts:
    """The part of each group, in shares of rows as near as whole groups allow.

    Groups are dealt in the order of their hashes, each to the part that
    lacks most.
    """
    wanted = [float(size) for size in sizes(int(weights.sum()), fractions)]
    rest = float(weights.sum()) - sum(wanted)
    lacking = np.array([*wanted, rest])
    parts = np.empty(len(weights), dtype=np.int16)
    for group in np.argsort(hashes(len(weights), seed), kind="stable"):
        part = int(np.argmax(lacking))
        lacking[part] -= weights[group]
        parts[group] = part if part < len(fractions) else NONE
    return parts


def _dealt(order: NDArray[Any], strata: Sequence[int], fractions: Sequence[float]) -> Parts:
    """Deal each stratum's rows, in hash order, to the parts."""
    parts = np.full(len(order), NONE, dtype=np.int16)
    start = 0
    for count in strata:
        at = start
        for part, size in enumerate(sizes(count, fractions)):
            parts[order[at : at + size]] = part
            at += size
        start += count
    return parts
