"""In which column of the picture each block stands."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence


def columns(blocks: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Depth by the longest way.

    Sources stand right before their first reader, and what is alone stands last.
    """
    order = _block_order(blocks, edges)
    place = {block: number for number, block in enumerate(order)}
    into: dict[str, list[str]] = defaultdict(list)
    out: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        if place[source] < place[target]:
            into[target].append(source)
            out[source].append(target)
    depth: dict[str, int] = {}
    for block in order:
        depth[block] = max((depth[source] + 1 for source in into[block]), default=0)
    deepest = max(depth.values(), default=0)
    for block in order:
        if not into[block]:
            depth[block] = min((depth[target] - 1 for target in out[block]), default=deepest)
    return depth


def _block_order(blocks: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[str]:
    """Readers after what they read; where two blocks read each other, the graph's first first."""
    place = {block: number for number, block in enumerate(blocks)}
    waits: dict[str, set[str]] = {block: set() for block in blocks}
    readers: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        waits[target].add(source)
        readers[source].append(target)
    ready = [place[block] for block in blocks if not waits[block]]
    order: list[str] = []
    while waits:
        block = blocks[heapq.heappop(ready)] if ready else next(iter(waits))
        if waits.pop(block, None) is None:
            continue
        order.append(block)
        for reader in readers[block]:
            if reader in waits:
                waits[reader].discard(block)
                if not waits[reader]:
                    heapq.heappush(ready, place[reader])
    return order
