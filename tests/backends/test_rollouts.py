"""Rollouts on a real host: a canary beside the revision that serves, promoted or aborted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from backends.host import BACKEND, HostSettings
from backends.host.deploy import Deployments
from backends.host.process import OWNER, running
from backends.local import BACKEND as LOCAL
from backends.serving.revisions import Revisions
from compiler.backend import Applied, Artifact, Standing
from compiler.diagnostics import StackcError
from compiler.graph.operations import AbortIf, Deploy, Rollout
from compiler.graph.types import Task
from tests.backends.test_host import kill
from tests.conformance.bench import Bench, parts
from tests.conformance.serving import NAME, PLAIN, made, requests, url_of

pytestmark = pytest.mark.xdist_group("hosts")
ERRORS = AbortIf("error_rate > 0.1", "error_rate", ">", 0.1)
ROLLED = replace(PLAIN, rollout=Rollout(20, 0, 20, (ERRORS,)))
"""A fifth of the requests; judged as soon as twenty were answered."""
SLOWLY = replace(PLAIN, rollout=Rollout(20, 3600, 20, (ERRORS,)))
"""The same, and not promoted within an hour."""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(LOCAL, tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module")
def rows(local: Bench) -> Artifact:
    return parts(local, Task.BINARY)[1]


@pytest.fixture(scope="module")
def old(local: Bench, rows: Artifact) -> dict[str, Artifact]:
    return made(local, rows, max_depth=3)


@pytest.fixture(scope="module")
def new(local: Bench, rows: Artifact) -> dict[str, Artifact]:
    return made(local, rows, max_depth=2)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(BACKEND, tmp_path, settings=HostSettings())
    yield bench
    Deployments().delete({"name": NAME, "api_key": None}, "end", bench.context())


def some(rows: Artifact, count: int) -> list[dict[str, Any]]:
    """So many rows, the table's over and over."""
    known = requests(rows)
    return (known * (count // len(known) + 1))[:count]


def ask(url: str, rows: Artifact, count: int, at_once: int = 1) -> Counter[int]:
    """Ask so often, in requests of so many rows; how often each revision answered, or a status."""
    body = {"rows": some(rows, at_once)}
    found: Counter[int] = Counter()
    with httpx.Client(timeout=30) as client:
        for _ in range(count):
            answer = client.post(url, json=body)
            ok = answer.status_code == 200
            found[answer.json()["revision"] if ok else answer.status_code] += 1
    return found


def state(bench: Bench) -> dict[str, Any]:
    """What the host says of the deployment."""
    host = running(bench.folder / ".stackc")
    assert host is not None
    found: dict[str, Any] = host.ask({"do": "state"})["deployments"][NAME]
    return found


def standing(bench: Bench, applied: Applied) -> Standing:
    found = Deployments().standing(applied.attributes, bench.context())
    assert found is not None
    return found


def judged(bench: Bench, applied: Applied) -> Standing:
    """How it was judged, once it is."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = standing(bench, applied)
        if found.promoted is not None and state(bench)["canary"] is None:
            return found
        time.sleep(0.05)
    raise AssertionError(standing(bench, applied).text)


def there(bench: Bench, applied: Applied) -> bool:
    return Deployments().read(applied.attributes, bench.context())


def test_the_first_revision_has_nothing_beside_it_and_serves_at_once(
    bench: Bench, old: dict[str, Artifact], rows: Artifact
) -> None:
    first = bench.apply(ROLLED, old, "op1")
    assert "canary" not in first.attributes
    assert ask(url_of(first), rows, 10) == {1: 10}


def test_a_canary_answers_its_share_and_then_all(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    first = bench.apply(ROLLED, old, "op1")
    second = bench.apply(ROLLED, new, "op2")
    assert (second.attributes["revision"], second.attributes["canary"]) == (1, 2)
    assert second.outcome.summary["canary"] == (
        "20 %, revision 2 beside 1, judged after 0s and 20 requests"
    )
    assert there(bench, second)
    assert not there(bench, first), "what was made is another state of things"
    assert ask(url_of(second), rows, 95) == {1: 76, 2: 19}
    time.sleep(0.5)
    assert standing(bench, second).promoted is None, "one request is missing"
    ask(url_of(second), rows, 5)
    found = judged(bench, second)
    assert found.text.startswith("revision 2 was promoted: 20 requests in")
    assert there(bench, second), "nothing is to be done after what was asked for has come"
    assert found.applied is not None
    assert there(bench, found.applied)
    assert "canary" not in found.applied.attributes
    assert [event.type for event in found.applied.outcome.events] == ["deployment.changed"]
    assert ask(url_of(second), rows, 10) == {2: 10}
    assert httpx.get(url_of(second)).json()["model"] == new["model"].digest


def test_without_traffic_it_stays_a_canary(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact]
) -> None:
    bench.apply(ROLLED, old, "op1")
    second = bench.apply(ROLLED, new, "op2")
    time.sleep(1)
    found = standing(bench, second)
    assert found == Standing(
        "canary: 20 %, revision 2 beside 1, 0 of 20 requests answered, judged once they are"
    )
    assert there(bench, second)


def test_a_canary_that_fails_is_aborted_at_once_and_the_former_serves_on(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    """A canary without any time to answer: its larger requests are refused with 503."""
    bench.apply(SLOWLY, old, "op1")
    second = bench.apply(replace(SLOWLY, timeout_s=0), new, "op2")
    found = ask(url_of(second), rows, 100, at_once=200)
    assert found[503] == 20
    ended = judged(bench, second)
    assert ended.text == "the canary of revision 2 was aborted: error_rate 1 > 0.1 in 20 requests"
    assert ask(url_of(second), rows, 40, at_once=200) == {1: 40}
    assert there(bench, second)
    assert ended.applied is not None
    attributes = ended.applied.attributes
    assert (attributes["revision"], attributes["rolled_back_from"]) == (1, 2)
    assert attributes["aborted"] == "error_rate 1 > 0.1 in 20 requests"
    assert there(bench, ended.applied)
    (event,) = ended.applied.outcome.events
    assert (event.type, event.severity) == ("rollout.aborted", "warning")
    third = bench.apply(replace(SLOWLY, timeout_s=0), new, "op3")
    assert third.attributes["canary"] == 3, "asked for again it is tried again"
    assert state(bench)["canary"]["answered"] == 0


def test_what_the_canary_refuses_and_the_former_takes_fails_and_is_answered(
    bench: Bench, old: dict[str, Artifact], rows: Artifact
) -> None:
    """Clients that ask as before do not suffer from a revision that wants to be asked otherwise."""
    bench.apply(SLOWLY, old, "op1")
    second = bench.apply(replace(SLOWLY, rows=1), old, "op2")
    assert second.attributes["canary"] == 2, "other limits, other answers"
    assert ask(url_of(second), rows, 50, at_once=2) == {1: 50}
    assert state(bench)["canary"]["answered"] == 10, "of which none was answered well"
    assert ask(url_of(second), rows, 50, at_once=2) == {1: 50}
    assert judged(bench, second).promoted is False


def test_what_the_former_refuses_and_the_canary_takes_is_answered(
    bench: Bench, old: dict[str, Artifact], rows: Artifact
) -> None:
    """Nor do clients that ask as the new revision is to be asked."""
    bench.apply(replace(SLOWLY, rows=1), old, "op1")
    second = bench.apply(SLOWLY, old, "op2")
    assert ask(url_of(second), rows, 10, at_once=2) == {2: 10}
    assert ask(url_of(second), rows, 10, at_once=5000) == {413: 10}
    assert state(bench)["canary"]["answered"] == 10, "what nobody takes is the client's fault"


def test_what_cannot_answer_otherwise_is_switched_to_at_once(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact]
) -> None:
    bench.apply(SLOWLY, old, "op1")
    for at, same in enumerate((replace(SLOWLY, drain_s=60), ROLLED, PLAIN)):
        found = bench.apply(same, old, f"same{at}")
        assert (found.attributes["revision"], "canary" in found.attributes) == (at + 2, False)
    plain = bench.apply(PLAIN, new, "op5")
    assert "canary" not in plain.attributes, "and so is all else where no rollout is asked for"


def test_asked_for_twice_by_one_operation_it_begins_once(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    bench.apply(SLOWLY, old, "op1")
    second = bench.apply(SLOWLY, new, "op2")
    ask(url_of(second), rows, 50)
    again = bench.apply(SLOWLY, new, "op2")
    found = Deployments().find("op2", bench.context())
    assert found is not None
    assert again.attributes == second.attributes == found.attributes
    assert state(bench)["canary"]["answered"] == 10, "what was counted is kept"


def test_an_apply_that_was_cut_short_is_found_after_the_verdict(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    bench.apply(ROLLED, old, "op1")
    second = bench.apply(ROLLED, new, "op2")
    ask(url_of(second), rows, 120)
    assert judged(bench, second).promoted
    found = Deployments().find("op2", bench.context())
    again = bench.apply(ROLLED, new, "op2")
    assert found is not None
    assert found.attributes == second.attributes == again.attributes
    assert standing(bench, found).promoted
    assert state(bench)["revision"] == 2


def test_another_apply_takes_the_place_of_a_canary(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    bench.apply(SLOWLY, old, "op1")
    second = bench.apply(SLOWLY, new, "op2")
    third = bench.apply(replace(SLOWLY, rows=50), new, "op3")
    assert third.attributes["canary"] == 3
    assert not there(bench, second)
    assert ask(url_of(third), rows, 10) == {1: 8, 3: 2}
    kept = [r.number for r in Revisions(bench.folder / ".stackc", NAME, OWNER).records()]
    assert kept == [3, 1]
    back = bench.apply(SLOWLY, old, "op4")
    assert (back.attributes["revision"], "canary" in back.attributes) == (1, False)
    assert state(bench)["canary"] is None, "what is asked for serves already: nothing is tried"


def test_a_rollback_aborts_a_canary(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    bench.apply(SLOWLY, old, "op1")
    second = bench.apply(SLOWLY, new, "op2")
    back = Deployments().rollback(second.attributes, "op3", bench.context())
    assert (back.attributes["revision"], back.attributes["rolled_back_from"]) == (1, 2)
    assert there(bench, back)
    assert ask(url_of(back), rows, 10) == {1: 10}
    again = Deployments().rollback(second.attributes, "op3", bench.context())
    assert again.attributes == back.attributes
    third = bench.apply(SLOWLY, new, "op4")
    assert third.attributes["canary"] == 3


def test_a_host_that_died_begins_the_canary_anew_beside_the_former(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    bench.apply(SLOWLY, old, "op1")
    second = bench.apply(SLOWLY, new, "op2")
    ask(url_of(second), rows, 50)
    kill(bench)
    assert not there(bench, second)
    assert Deployments().find("op2", bench.context()) is None
    again = bench.apply(SLOWLY, new, "op3")
    assert (again.attributes["revision"], again.attributes["canary"]) == (1, 2), "tried anew"
    assert state(bench)["canary"]["answered"] == 0
    assert ask(url_of(again), rows, 50) == {1: 40, 2: 10}


def test_a_host_that_died_after_the_verdict_serves_what_was_promoted(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    bench.apply(ROLLED, old, "op1")
    second = bench.apply(ROLLED, new, "op2")
    ask(url_of(second), rows, 120)
    assert judged(bench, second).promoted
    kill(bench)
    assert standing(bench, second).promoted, "it is written down, whoever answers"
    again = bench.apply(ROLLED, new, "op3")
    assert (again.attributes["revision"], "canary" in again.attributes) == (2, False)


def test_a_kill_between_the_verdict_and_the_switch_is_made_up_for(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    bench.apply(ROLLED, old, "op1")
    second = bench.apply(ROLLED, new, "op2")
    ask(url_of(second), rows, 120)
    assert judged(bench, second).promoted
    kill(bench)
    shelf = Revisions(bench.folder / ".stackc", NAME, OWNER)
    shelf.point_at(1)
    again = bench.apply(ROLLED, new, "op3")
    assert (again.attributes["revision"], "canary" in again.attributes) == (2, False)


def test_a_former_that_does_not_come_up_is_told(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact]
) -> None:
    bench.apply(SLOWLY, old, "op1")
    kill(bench)
    shelf = Revisions(bench.folder / ".stackc", NAME, OWNER)
    shelf.model(1).unlink()
    with pytest.raises(StackcError) as caught:
        bench.apply(SLOWLY, new, "op2")
    assert "revision 1, which it is tried beside, does not come up" in str(caught.value)
    assert "the files of revision 1 are missing; without `rollout`" in str(caught.value).replace(
        " or damaged", ""
    )
    plain = bench.apply(PLAIN, new, "op3")
    assert plain.attributes["revision"] == 3, "without a rollout it serves"


def test_a_new_key_is_of_the_deployment_and_holds_for_both(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact]
) -> None:
    guarded = [replace(SLOWLY, api_key=f"${{secret:{name}}}") for name in ("FIRST", "SECOND")]
    keys = {"${secret:FIRST}": "one", "${secret:SECOND}": "two"}

    def apply(operation: Deploy, inputs: dict[str, Artifact], by: str) -> Applied:
        return bench.apply(operation, inputs, by, secret=keys.__getitem__)

    apply(guarded[0], old, "op1")
    second = apply(guarded[1], new, "op2")
    url = url_of(second)
    assert second.attributes["api_key"] == "${secret:SECOND}"
    for _ in range(10):
        assert httpx.get(url, headers={"X-API-Key": "one"}).status_code == 401
        assert httpx.post(url, headers={"X-API-Key": "one"}, json={}).status_code == 401
        assert httpx.get(url, headers={"X-API-Key": "two"}).json()["revision"] == 1


def test_what_each_revision_answered_is_told_to_prometheus_meanwhile(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    first = bench.apply(SLOWLY, old, "op1")
    metrics = url_of(first).rpartition("/")[0] + "/metrics"
    assert "stackc_canary_revision" not in httpx.get(metrics).text
    second = bench.apply(SLOWLY, new, "op2")
    ask(url_of(second), rows, 10)
    found = httpx.get(metrics).text
    labels = 'deployment="api",revision="{}",status="200"'
    for revision, count in ((1, 8), (2, 2)):
        line = f"stackc_revision_requests_total{{{labels.format(revision)}}} {count}.0"
        assert line in found.splitlines()
    assert 'stackc_canary_revision{deployment="api"} 2.0' in found.splitlines()
    assert 'stackc_revision{deployment="api"} 1.0' in found.splitlines()
    bench.apply(PLAIN, new, "op3")
    assert "stackc_revision_requests" not in httpx.get(metrics).text


def test_it_ends_with_its_deployment(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact]
) -> None:
    bench.apply(SLOWLY, old, "op1")
    second = bench.apply(SLOWLY, new, "op2")
    Deployments().delete(second.attributes, "op3", bench.context())
    assert not there(bench, second)
    assert Deployments().standing(second.attributes, bench.context()) is None
    again = bench.apply(SLOWLY, new, "op4")
    assert (again.attributes["revision"], "canary" in again.attributes) == (1, False)


def test_the_share_is_kept_whoever_asks_at_the_same_time(
    bench: Bench, old: dict[str, Artifact], new: dict[str, Artifact], rows: Artifact
) -> None:
    """Clients side by side, and requests large enough to be answered in threads."""
    bench.apply(SLOWLY, old, "op1")
    url = url_of(bench.apply(SLOWLY, new, "op2"))
    body = {"rows": some(rows, 200)}

    async def all_of() -> Counter[int]:
        async with httpx.AsyncClient(timeout=30) as client:
            answers = await asyncio.gather(*(client.post(url, json=body) for _ in range(50)))
        return Counter(answer.json()["revision"] for answer in answers)

    assert asyncio.run(all_of()) == {1: 40, 2: 10}
