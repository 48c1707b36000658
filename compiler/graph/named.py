"""Dotted names of columns and of whole blocks, as people write them."""

from __future__ import annotations

from compiler.diagnostics import did_you_mean
from compiler.graph.reach import Reach, Spot

OWN = ("column", "feature", "answer", "request", "response", "monitor")
"""What a block is said to consist of; the others are uses of a column."""


class NoSuchName(LookupError):
    """Nothing has a name; the arguments are a sentence and help lines."""


def spots_of(reach: Reach, name: str) -> tuple[Spot, ...]:
    """What a name stands for: one spot, or all of a block or of a part of it.

    Example: ``sources.flights.delay``, ``models.late.features``, ``datasets.departures``.

    Raises:
        NoSuchName: Nothing has that name.
    """
    words = name.split(".")
    block, rest = ".".join(words[:2]), ".".join(words[2:])
    spots = [spot for spot in reach.spots if spot.block == block]
    if not spots:
        raise _no_block(reach, block)
    if Spot(block, rest) in reach.spots:
        return (Spot(block, rest),)
    found = [s for s in spots if not rest or s.name.startswith(f"{rest}.")]
    # A part that was asked for by its name is told whatever it consists of.
    found = [s for s in found if rest or reach.spots[s].kind in OWN]
    if not found:
        raise NoSuchName(f"{block} has no `{rest}`", did_you_mean(rest, _names(spots)))
    return tuple(found)


def _no_block(reach: Reach, block: str) -> NoSuchName:
    blocks = {spot.block for spot in reach.spots}
    return NoSuchName(f"there is no `{block}` with columns", did_you_mean(block, blocks))


def _names(spots: list[Spot]) -> set[str]:
    """The names in a block, in the order of what is asked for most."""
    return {spot.name for spot in spots}
