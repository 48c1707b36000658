"""What is measured of a canary, held against NumPy, and what it is judged by."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.serving.judging import Verdict, judge
from backends.serving.measured import Measured
from compiler.graph.operations import AbortIf, Rollout

TIMES = st.lists(st.floats(1e-5, 60), min_size=1, max_size=300)


def measured(
    good: int, bad: int = 0, seconds: float = 0.01, status: int = 503, wrong: int = 0
) -> Measured:
    """A revision that answered so many requests well, badly, and to clients that asked wrongly."""
    found = Measured()
    for answer, count in ((200, good), (status, bad), (422, wrong)):
        for _ in range(count):
            found.took(answer, seconds)
    return found


def rollout(
    *conditions: tuple[str, Literal[">", ">="], float, float], requests: int = 20, for_s: int = 60
) -> Rollout:
    asked = tuple(
        AbortIf(f"{name} {op} {former:g} * former + {bound:g}", name, op, bound, former)
        if former
        else AbortIf(f"{name} {op} {bound:g}", name, op, bound)
        for name, op, former, bound in conditions
    )
    return Rollout(10, for_s, requests, asked)


FAILS = rollout(("error_rate", ">", 0, 0.1))


@given(TIMES)
def test_a_quantile_is_the_one_that_numpy_finds_to_a_hundredth(times: list[float]) -> None:
    found = Measured()
    for seconds in times:
        found.took(200, seconds)
    for metric, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
        exact = np.quantile(times, share, method="inverted_cdf") * 1000
        value = found.value(metric)
        assert value is not None
        assert exact * 0.999_999 <= value <= exact * 1.010_001


@given(st.lists(st.sampled_from([200, 400, 404, 422, 500, 503]), max_size=60))
def test_the_error_rate_is_a_share_of_what_was_answered(statuses: list[int]) -> None:
    """Requests that a client asked wrongly are no answers and no errors."""
    found = Measured()
    for status in statuses:
        found.took(status, 0.01)
    answers = [status for status in statuses if not 400 <= status < 500]
    failed = sum(status >= 500 for status in answers)
    assert found.value("error_rate") == (failed / len(answers) if answers else None)
    assert sum(found.statuses.values()) == len(statuses)


def test_it_is_promoted_once_the_time_is_over_and_enough_was_answered() -> None:
    beside = measured(200)
    assert judge(FAILS, measured(19), beside, 600) is None, "too few, whatever the time"
    assert judge(FAILS, measured(20), beside, 59) is None, "too early"
    assert judge(FAILS, measured(20), beside, 60) == Verdict(True, "20 requests in 60 s")


def test_it_is_aborted_as_soon_as_enough_was_answered() -> None:
    beside = measured(200)
    assert judge(FAILS, measured(9, 10), beside, 1) is None
    found = judge(FAILS, measured(17, 3), beside, 1)
    assert found == Verdict(False, "error_rate 0.15 > 0.1 in 20 requests")
    assert judge(FAILS, measured(18, 2), beside, 1) is None, "0.1 is not above 0.1"


def test_what_clients_ask_wrongly_judges_nothing() -> None:
    assert judge(FAILS, measured(19, wrong=500), measured(200), 600) is None
    assert judge(FAILS, measured(20, wrong=500), measured(200), 600) == Verdict(
        True, "20 requests in 600 s"
    )


def test_it_is_held_against_what_the_former_does_meanwhile() -> None:
    slower = rollout(("p99_ms", ">", 2, 0))
    assert judge(slower, measured(20, seconds=0.03), measured(20, seconds=0.02), 60) == Verdict(
        True, "20 requests in 60 s"
    )
    found = judge(slower, measured(20, seconds=0.05), measured(20, seconds=0.02), 1)
    assert found is not None
    assert not found.promoted
    assert found.why.startswith("p99_ms 50")
    assert "> 2 * former + 0 (40" in found.why
    worse = rollout(("error_rate", ">", 1, 0.01))
    assert judge(worse, measured(18, 2), measured(90, 10), 60) == Verdict(
        True, "20 requests in 60 s"
    ), "who is beside it fails as often"
    assert judge(worse, measured(18, 2), measured(100), 1) is not None


def test_a_few_requests_of_the_former_are_no_measure() -> None:
    """At 90 % of the requests, the one beside it has answered two of twenty."""
    worse = rollout(("error_rate", ">", 1, 0.01))
    assert judge(worse, measured(0, 20), measured(2), 600) is None
    assert judge(worse, measured(200), measured(19), 600) is None
    assert judge(worse, measured(200), measured(20), 600) is not None
    both = rollout(("error_rate", ">", 1, 0.01), ("error_rate", ">", 0, 0.5))
    found = judge(both, measured(0, 20), measured(2), 600)
    assert found is not None, "what needs no former is judged without one"
    assert not found.promoted


@pytest.mark.parametrize("op", [">", ">="])
def test_a_bound_itself_counts_as_it_is_written(op: Literal[">", ">="]) -> None:
    found = judge(rollout(("error_rate", op, 0, 0.25)), measured(15, 5), measured(20), 1)
    assert (found is not None) == (op == ">=")
