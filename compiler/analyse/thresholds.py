"""``name op number``, or held against a peer's: what gates and rollouts are written in."""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

_NUMBER = r"(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"


class Threshold(Struct, frozen=True):
    """A condition as it is written: ``name op bound``, and ``peer`` times the peer's added.

    ``text`` has single spaces; ``at`` is where the name begins in what was written.
    """

    text: str
    name: str
    at: int
    op: str
    bound: float
    peer: float = 0.0


def read_threshold(text: str, peer: str, *, scaled: bool = False) -> Threshold | None:
    """A condition; None where it is none.

    Args:
        text: What was written.
        peer: The word for what it may be held against: ``champion``, ``former``.
        scaled: Whether the peer may be multiplied: ``2 * former``.
    """
    match = _pattern(peer, scaled).fullmatch(text)
    if match is None:
        return None
    bound = match["bound"] or (match["sign"] or "") + (match["offset"] or "0")
    factor = float(match["factor"] or 1) if match["peer"] else 0.0
    return Threshold(
        " ".join(text.split()), match["name"], match.start("name"), match["op"],
        float(bound), factor,
    )  # fmt: skip


@cache
def _pattern(peer: str, scaled: bool) -> re.Pattern[str]:
    factor = rf"(?:(?P<factor>{_NUMBER})\s*\*\s*)?" if scaled else "(?P<factor>(?!))?"
    return re.compile(
        rf"\s*(?P<name>[A-Za-z_]\w*)\s*(?P<op>>=|<=|>|<)\s*"
        rf"(?:{factor}(?P<peer>{peer})\s*(?:(?P<sign>[+-])\s*(?P<offset>{_NUMBER}))?"
        rf"|(?P<bound>-?{_NUMBER}))\s*"
    )
