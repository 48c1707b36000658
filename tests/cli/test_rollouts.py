"""Rollouts from the command line: begun by apply, judged by traffic, told once, undone."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backends.host.process import running, stop
from compiler.engine import journal, outbox
from compiler.engine.project import open_project
from tests.cli.test_deploy import SPEC
from tests.cli.test_deploy_killed import dies
from tests.house.cli import stackc

pytestmark = pytest.mark.xdist_group("hosts")
ROLLED = (
    SPEC.replace('    auth: {api_key: "${secret:API_KEY}"}\n', "")
    + """\
    limits: {timeout: 1s}
    rollout: {canary: 50, for: 1s, requests: 20, abort_if: error_rate > 0.1}
notifications:
  ops: {log: true, events: [deployment.changed, rollout.aborted]}
"""
)
POINTS = ("task.begin", "place.renamed", "task.done", "commit.done")
STRICT = "+models.bought.evaluation.threshold=0.9"
"""Answers otherwise, to the same requests."""
NARROW = "models.bought.features=[age]"
"""Takes other requests: a column that clients send is unknown to it."""
ROW = {"age": 30, "income": 12.5, "city": "Oslo"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """Applied once; the host ends with the test."""
    rows = [f"{20 + at},{at * 3}.5,{'Oslo' if at % 3 else 'Bergen'},{at > 20}" for at in range(60)]
    (tmp_path / "people.csv").write_text("\n".join(["age,income,city,bought", *rows]))
    (tmp_path / "stack.yaml").write_text(ROLLED)
    apply(tmp_path)
    yield tmp_path
    stop(tmp_path / ".stackc")


def apply(folder: Path, *overrides: str) -> str:
    answer = stackc("apply", "stack.yaml", *overrides, "--yes", cwd=folder)
    assert answer.code == 0, answer.text
    return answer.text


def told_by(command: str, folder: Path, *arguments: str) -> str:
    """What a command says."""
    answer = stackc(command, "stack.yaml", *arguments, cwd=folder)
    assert answer.code == 0, answer.text
    return answer.text


def ask(folder: Path, count: int) -> Counter[int]:
    """Ask as clients of the first revision do; which revision answered how often."""
    host = running(folder / ".stackc")
    assert host is not None
    answers = [httpx.post(f"{host.url}/api", json=ROW) for _ in range(count)]
    assert {answer.status_code for answer in answers} == {200}
    return Counter(answer.json()["revision"] for answer in answers)


def serving(folder: Path) -> dict[str, Any]:
    host = running(folder / ".stackc")
    assert host is not None
    found: dict[str, Any] = host.ask({"do": "state"})["deployments"]["deployments.api"]
    return found


def judged(folder: Path) -> None:
    """Wait for the verdict."""
    until = time.monotonic() + 10
    while serving(folder)["canary"] is not None:
        assert time.monotonic() < until
        time.sleep(0.05)


def events(folder: Path) -> Counter[tuple[str, int]]:
    """How often each change of the deployment was told, by its type and revision."""
    with open_project(folder, write=False) as project:
        assert journal.open_entries(project.state) == ()
        found = [e for e in outbox.events(project.state, None) if "deploy" in e.subject]
    return Counter((event.type, event.body["data"]["revision"]) for event in found)


def delivered(folder: Path) -> list[str]:
    """What the channel was told, in its order."""
    log = (folder / ".stackc" / "events.log").read_text().splitlines()
    return [json.loads(line)["data"]["message"] for line in log]


def test_a_canary_is_told_of_until_it_is_promoted(shop: Path) -> None:
    said = "deployments.api: canary: 50 %, revision 2 beside 1, 0 of 20 requests answered"
    assert said in apply(shop, STRICT)
    planned = told_by("plan", shop, STRICT, "--detailed-exitcode")
    assert said in planned
    assert "nothing to do" in planned, "law 3: plan after apply is empty"
    for command in ("status", "monitor"):
        assert said in told_by(command, shop, STRICT)
    assert "nothing to do" in apply(shop, STRICT), "nor does an apply begin it anew"
    time.sleep(1)
    assert ask(shop, 38) == {1: 19, 2: 19}
    assert "19 of 20 requests answered, judged once they are" in told_by("plan", shop, STRICT)
    ask(shop, 2)
    judged(shop)
    end = "revision 2 was promoted: 20 requests"
    assert "nothing to do" in told_by("plan", shop, STRICT, "--detailed-exitcode")
    assert end in told_by("status", shop, STRICT), "who only looks is told and writes nothing"
    assert end in told_by("monitor", shop, STRICT)
    assert "promoted" not in told_by("monitor", shop, STRICT), "it is told once"
    assert "nothing to do" in told_by("plan", shop, STRICT, "--detailed-exitcode")
    assert ask(shop, 10) == {2: 10}
    assert events(shop) == {("deployment.changed", 1): 1, ("deployment.changed", 2): 2}
    assert "promoted: 20 requests" in delivered(shop)[-1]


def test_a_canary_that_was_aborted_is_said_by_every_plan_until_the_spec_is_mended(
    shop: Path,
) -> None:
    apply(shop, NARROW)
    assert ask(shop, 50) == {1: 50}, "nobody who asks as before is refused"
    judged(shop)
    why = "the canary of revision 2 was aborted: error_rate 1 > 0.1 in 2"
    for code in (3, 0):
        planned = told_by("plan", shop, NARROW)
        assert why in planned
        assert "the spec still asks for it" in planned
        assert "1 to update" in planned
        looked = stackc("monitor", "stack.yaml", NARROW, "--detailed-exitcode", cwd=shop)
        assert (looked.code, why in looked.text) == (code, code == 3), "it is told once"
    assert events(shop)[("rollout.aborted", 2)] == 1
    assert why in delivered(shop)[-1]

    back = stackc("rollback", "stack.yaml", "api", NARROW, cwd=shop)
    assert (back.code, "rolled back already, from revision 2" in back.err) == (1, True)
    apply(shop, NARROW)
    assert serving(shop)["canary"]["revision"] == 3, "asked for again it is tried again"
    assert "rolled back from 3" in told_by("rollback", shop, "api", NARROW)
    assert serving(shop)["canary"] is None
    assert "rolled back from revision 3" in told_by("plan", shop, NARROW)
    assert "nothing to do" not in apply(shop)
    assert "nothing to do" in told_by("plan", shop), "the spec asks for what serves"


def test_an_apply_is_told_what_became_of_the_canary_before_it(shop: Path) -> None:
    """Without `monitor` nobody is told less."""
    apply(shop, NARROW)
    ask(shop, 50)
    judged(shop)
    apply(shop, STRICT)
    assert serving(shop)["canary"]["revision"] == 3
    found = events(shop)
    assert found[("rollout.aborted", 2)] == found[("deployment.changed", 3)] == 1
    assert stackc("destroy", "stack.yaml", "--yes", cwd=shop).code == 0
    assert running(shop / ".stackc") is None


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(number, marks=pytest.mark.soak) for number in range(1, 8))]
)
def test_killed_while_a_canary_begins(shop: Path, number: int) -> None:
    """Whatever is cut off, the next apply leaves one canary that is told once."""
    for turn, kind in enumerate(POINTS):
        wanted = f"+models.bought.evaluation.threshold={0.6 + turn / 25}"
        dies(shop, kind, number, "apply", "stack.yaml", wanted, "--yes")
        assert ask(shop, 4)[1] >= 2, "the first revision answers all the time"
        apply(shop, wanted)
        assert serving(shop)["canary"]["revision"] == turn + 2
        assert "nothing to do" in told_by("plan", shop, wanted)
    assert set(events(shop).values()) == {1}


def test_killed_while_a_verdict_is_taken_over(shop: Path) -> None:
    """It is told exactly once."""
    apply(shop, NARROW)
    ask(shop, 50)
    judged(shop)
    for kind in ("commit.ready", "commit.done", "rollout.settled"):
        dies(shop, kind, 0, "monitor", "stack.yaml", NARROW)
        assert "was aborted" in told_by("plan", shop, NARROW)
    told_by("monitor", shop, NARROW)
    assert events(shop)[("rollout.aborted", 2)] == 1
    assert len([said for said in delivered(shop) if "aborted" in said]) == 1
