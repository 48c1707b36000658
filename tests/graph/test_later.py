"""Fields that operations got later: who does not ask for them is keyed as before."""

from __future__ import annotations

from compiler.graph.digest import keyed
from compiler.graph.operations import AbortIf, Deploy, Rollout

ROLLOUT = Rollout(10, 600, 100, (AbortIf("error_rate > 0.01", "error_rate", ">", 0.01),))


def test_a_deployment_without_rollout_and_drain_is_keyed_as_it_was() -> None:
    assert {*keyed(Deploy("deployments.api", 0.5))} == {
        "name", "threshold", "api_key", "replicas", "queue", "rows", "timeout_s",
    }  # fmt: skip


def test_one_that_asks_for_them_is_keyed_by_them() -> None:
    found = keyed(Deploy("deployments.api", 0.5, drain_s=15, rollout=ROLLOUT))
    assert found["drain_s"] == 15
    assert found["rollout"]["abort_if"][0]["bound"] == 0.01
