"""Rollouts: what a canary is asked and judged by, and whether that can judge anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from compiler.analyse.algebra.gates import allowed, between
from compiler.analyse.thresholds import Threshold, read_threshold
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Path, Place, Within, did_you_mean
from compiler.graph.operations import AbortIf, Rollout
from specs.base import seconds_of
from specs.deployments import Limits
from specs.deployments import Rollout as Written

_LONGEST = 1000 * 365 * 86_400
"""Seconds whose end still has a date."""
_USUAL = {"error_rate": "0.01", "p50_ms": "1.5 * former", "p99_ms": "2 * former"}


def analyse_rollout(
    rollout: Written | None, limits: Limits, path: Path, findings: Findings
) -> Rollout | None:
    """The rollout in normal form; None where there is none, or it could judge nothing.

    Args:
        rollout: As it is written.
        limits: The deployment's.
        path: The deployment's place.
        findings: Gets E337 for a canary without traffic to judge, E338 and W336 for conditions.
    """
    if rollout is None:
        return None
    place = (*path, "rollout")
    asked = _share_fits(rollout.canary, (*place, "canary"), findings)
    long_enough = _long_enough(rollout, limits, path, findings)
    conditions = _conditions(rollout, limits, (*place, "abort_if"), findings)
    if conditions is None or not asked or not long_enough:
        return None
    return Rollout(rollout.canary, seconds_of(rollout.for_), rollout.requests, conditions)


def _share_fits(canary: int, place: Path, findings: Findings) -> bool:
    if 1 <= canary <= 99:
        return True
    says = {
        0: "a canary of 0 % is never asked, so there is nothing to judge it by",
        100: "beside a canary of 100 % nothing serves that it could be held against",
    }
    findings.report(
        Code.ROLLOUT,
        says.get(canary, f"a canary of {canary} % is no share of the requests"),
        place,
        help="write a share of 1 to 99; without `rollout` a new revision gets all requests at once",
    )
    return False


def _long_enough(rollout: Written, limits: Limits, path: Path, findings: Findings) -> bool:
    seconds, timeout = seconds_of(rollout.for_), seconds_of(limits.timeout)
    place = (*path, "rollout", *(("for",) if "for_" in rollout.model_fields_set else ()))
    if seconds > _LONGEST:
        findings.report(Code.ROLLOUT, f"`for: {rollout.for_}` never ends", place)
        return False
    if seconds >= timeout:
        return True
    findings.report(
        Code.ROLLOUT,
        f"the canary is judged after {rollout.for_}, and a request may take {limits.timeout}:"
        " those that hang would be unanswered by then",
        place,
        labels=given_timeout(limits, path),
        help=f"write `for: {limits.timeout}` or longer; some minutes are usual",
    )
    return False


def given_timeout(limits: Limits, path: Path) -> tuple[Label, ...]:
    """Where a spec says how long a request may take; nowhere where it is the usual."""
    if "timeout" not in limits.model_fields_set:
        return ()
    return (Label("a request may take so long", Place((*path, "limits", "timeout"))),)


def _conditions(
    rollout: Written, limits: Limits, place: Path, findings: Findings
) -> tuple[AbortIf, ...] | None:
    written = rollout.abort_if
    texts = (written,) if isinstance(written, str) else written
    places = [place if isinstance(written, str) else (*place, at) for at in range(len(texts))]
    ranges = _ranges(limits)
    found = [
        _condition(text, ranges, where, findings) for text, where in zip(texts, places, strict=True)
    ]
    whole = [condition for condition in found if condition is not None]
    if len(whole) < len(found):
        return None
    _check_pairs(whole, places, ranges, findings)
    return tuple(whole)


def _ranges(limits: Limits) -> Mapping[str, tuple[float, float]]:
    """What is measured of a canary, and the values that it can take."""
    slowest = seconds_of(limits.timeout) * 1000.0
    return {"error_rate": (0.0, 1.0), "p50_ms": (0.0, slowest), "p99_ms": (0.0, slowest)}


def _condition(
    text: str, ranges: Mapping[str, tuple[float, float]], place: Path, findings: Findings
) -> AbortIf | None:
    found = read_threshold(text, "former", scaled=True)
    if found is None or not math.isfinite(found.peer + found.bound):
        message = "a condition is `measure > number`, or `measure > former + number`"
        ways = "for example `error_rate > 0.01` or `p99_ms > 2 * former`"
        findings.report(Code.ABORT_IF, message, place, help=ways)
        return None
    if found.name not in ranges:
        findings.report(
            Code.ABORT_IF,
            f"`{found.name}` is not measured of a canary",
            place,
            within=Within(found.at, len(found.name)),
            help=did_you_mean(found.name, ranges),
        )
        return None
    if found.op not in (">", ">="):
        findings.report(
            Code.ABORT_IF,
            f"less of `{found.name}` is better, and this would abort for that: a canary is"
            " aborted when the condition holds",
            place,
            help=f"did you mean `{found.text.replace('<', '>')}`?",
        )
        return None
    if _pointless(found, ranges, place, findings):
        return None
    return AbortIf(found.text, found.name, found.op, found.bound, found.peer)  # type: ignore[arg-type]


def _pointless(
    found: Threshold, ranges: Mapping[str, tuple[float, float]], place: Path, findings: Findings
) -> bool:
    """Whether the condition says the same of every canary; a finding if so."""
    low, high = ranges[found.name]
    values, holds = between(low, high, found.peer), allowed(found.op, found.bound)
    always = values <= holds
    if not always and not (values & holds).empty:
        return False
    limit = "a share, 0 to 1" if high == 1 else f"0 to {high:g} ms, as slower ones are refused"
    why = f"`{found.name}` is {limit}" + (", that of the former too" if found.peer else "")
    says = "always holds" if always else "can never hold"
    share = high == 1 and not found.peer and 1 < found.bound <= 100
    findings.report(
        Code.ABORT_IF,
        f"this condition {says}: {why}",
        place,
        help=f"`{found.name}` is a share: did you mean {found.bound / 100:g}?"
        if share
        else f"for example `{found.name} > {_USUAL[found.name]}`",
    )
    return True


def _check_pairs(
    conditions: Sequence[AbortIf],
    places: Sequence[Path],
    ranges: Mapping[str, tuple[float, float]],
    findings: Findings,
) -> None:
    """Report conditions that hold only where another one does: any aborts, so they add nothing."""
    for at, one in enumerate(conditions):
        for other in range(at):
            pair = ((at, other), (other, at))
            found = [p for p in pair if _implies(conditions[p[0]], conditions[p[1]], ranges)]
            if not found:
                continue
            weak, strong = found[0]
            findings.report(
                Code.ABORT_IF_IMPLIED,
                f"this condition on `{one.metric}` adds nothing to another one",
                places[weak],
                labels=(Label("which aborts wherever it would", Place(places[strong])),),
                help="remove it: of a list any one aborts",
            )


def _implies(one: AbortIf, other: AbortIf, ranges: Mapping[str, tuple[float, float]]) -> bool:
    """Whether one holds only where the other does, whatever the former revision does.

    Bounds are linear in what the former does, so that the ends of its range tell. What is
    held against it may be judged later than what is not.
    """
    if one.metric != other.metric or (other.former and not one.former):
        return False
    strict = one.op == other.op or other.op == ">="
    bounds = [
        (one.bound + one.former * end, other.bound + other.former * end)
        for end in ranges[one.metric]
    ]
    return all(mine > its or (mine == its and strict) for mine, its in bounds)
