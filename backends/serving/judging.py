"""Whether a canary is promoted or aborted, by what it and the revision beside it answered."""

from __future__ import annotations

import operator

from msgspec import Struct

from backends.serving.measured import Measured
from compiler.graph.operations import AbortIf, Rollout

_HOLDS = {">": operator.gt, ">=": operator.ge}


class Verdict(Struct, frozen=True):
    """How it went, and why in words."""

    promoted: bool
    why: str


def judge(rollout: Rollout, canary: Measured, former: Measured, seconds: float) -> Verdict | None:
    """The verdict; None while there is too little to judge by.

    A condition against the former revision holds or not once that has answered
    as many requests as the canary has to: a few of them are no measure.

    Args:
        rollout: What the spec asks for.
        canary: What the new revision answered.
        former: What the one beside it answered meanwhile.
        seconds: How long the canary has been asked.
    """
    if canary.answered < rollout.requests:
        return None
    enough = former.answered >= rollout.requests
    judged = [one for one in rollout.abort_if if enough or not one.former]
    for condition in judged:
        found = _broken(condition, canary, former)
        if found is not None:
            return Verdict(False, f"{found} in {canary.answered} requests")
    if seconds < rollout.for_s or len(judged) < len(rollout.abort_if):
        return None
    return Verdict(True, f"{canary.answered} requests in {seconds:.0f} s")


def _broken(condition: AbortIf, canary: Measured, former: Measured) -> str | None:
    """What was measured, where the condition holds: ``p99_ms 81 > 2 * former (36)``."""
    found, beside = canary.value(condition.metric), former.value(condition.metric)
    if found is None:
        return None
    bound = condition.bound + (condition.former * (beside or 0.0))
    if not _HOLDS[condition.op](found, bound):
        return None
    asked = condition.text.removeprefix(condition.metric).strip()
    shown = f" ({bound:.3g})" if condition.former else ""
    return f"{condition.metric} {found:.3g} {asked}{shown}"
