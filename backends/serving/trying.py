"""A request while a canary goes on: one of the two revisions answers it, and that is counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TypeAlias

from backends.serving.deployed import Canary, Deployed
from backends.serving.measured import Measured
from backends.serving.replies import Reply

Answer: TypeAlias = Callable[[Deployed], Awaitable[Reply]]
_REFUSED = (413, 422)
"""What a revision answers where it does not take a request: other columns, other limits."""


async def tried(deployed: Deployed, canary: Canary, answer: Answer) -> Reply:
    """The answer of the revision whose turn it is.

    What that one refuses and the other takes, the other answers: who asks as the
    former revision wants to be asked does not suffer, and whoever asks as the new
    one does is answered too. A canary that refuses what the former takes has failed.
    """
    new = canary.turn()
    sides = [(deployed, canary.former), (canary.deployed, canary.new)]
    (one, counted), (other, beside) = reversed(sides) if new else sides
    reply, seconds = await _timed(one, answer)
    if reply.status not in _REFUSED:
        counted.took(reply.status, seconds)
        return reply
    second = await _also(other, beside, answer)
    counted.took(reply.status, seconds, failed=new and second is not None)
    return reply if second is None else second


async def _also(other: Deployed, counted: Measured, answer: Answer) -> Reply | None:
    """The other revision's answer, if it takes the request."""
    reply, seconds = await _timed(other, answer)
    if reply.status >= 400:
        return None
    counted.took(reply.status, seconds)
    return reply


async def _timed(deployed: Deployed, answer: Answer) -> tuple[Reply, float]:
    began = perf_counter()
    reply = await answer(deployed)
    return reply, perf_counter() - began
