"""A deployment from the command line: served, noticed when it is gone, brought back, removed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from backends.host.process import running, stop
from tests.house.cli import stackc, stackc_process

pytestmark = pytest.mark.xdist_group("hosts")
SPEC = """
stackc: 1
name: shop
sources:
  people:
    path: people.csv
    columns: {age: int64, income: float64, city: string, bought: bool}
datasets:
  buyers: {from: people, split: {train: 0.7, test: 0.3}}
models:
  bought:
    dataset: buyers
    target: bought
    features: [age, income, city]
    algorithm: {kind: linear}
deployments:
  api:
    model: bought
    auth: {api_key: "${secret:API_KEY}"}
"""
KEY = {"API_KEY": "the-key-of-this-test"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """Not yet applied; the host ends with the test."""
    rows = [f"{20 + at},{at * 3}.5,{'Oslo' if at % 3 else 'Bergen'},{at > 20}" for at in range(60)]
    (tmp_path / "people.csv").write_text("\n".join(["age,income,city,bought", *rows]))
    (tmp_path / "stack.yaml").write_text(SPEC)
    yield tmp_path
    stop(tmp_path / ".stackc")


def test_a_deployment_from_first_apply_to_destroy(shop: Path) -> None:
    applied = stackc_process("apply", "stack.yaml", "--yes", cwd=shop, environment=KEY)
    assert applied.code == 0, applied.text
    status = stackc("status", "stack.yaml", "--format", "json", cwd=shop, environment=KEY)
    nodes = {node["address"]: node for node in json.loads(status.out)["nodes"]}
    url = nodes["deployments.api/deploy"]["summary"]["url"]
    assert url in applied.text

    row = {"age": 30, "income": 12.5, "city": "Oslo"}
    headers = {"X-API-Key": KEY["API_KEY"]}
    assert httpx.post(url, json=row).status_code == 401
    answer = httpx.post(url, json=row, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["prediction"] in (True, False)

    assert changes(shop) == []
    host = running(shop / ".stackc")
    assert host is not None
    os.kill(host.pid, signal.SIGKILL)
    gone(host.pid)
    assert changes(shop) == ["deployments.api/deploy"]
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop, environment=KEY).code == 0
    again = httpx.post(url, json=row, headers=headers)
    assert again.json() == answer.json()

    new = {"API_KEY": "another-key"}
    assert changes(shop, new) == ["deployments.api/deploy"]
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop, environment=new).code == 0
    assert httpx.post(url, json=row, headers=headers).status_code == 401

    for path in (shop / ".stackc").rglob("*"):
        if path.is_file():
            assert KEY["API_KEY"].encode() not in path.read_bytes()
    assert stackc("destroy", "stack.yaml", "--yes", cwd=shop, environment=KEY).code == 0
    assert running(shop / ".stackc") is None
    with pytest.raises(httpx.TransportError):
        httpx.post(url, json=row)


def test_a_missing_key_stops_the_deployment_and_says_which(shop: Path) -> None:
    answer = stackc("apply", "stack.yaml", "--yes", cwd=shop)
    assert answer.code == 1
    assert "error[E708]" in answer.err
    assert "API_KEY" in answer.err
    assert running(shop / ".stackc") is None


def test_a_rollback_is_told_by_every_plan_until_the_spec_is_mended(shop: Path) -> None:
    """Back to the former revision at once; the next apply deploys what the spec asks for."""
    narrow = "models.bought.features=[age]"
    for overrides in ([], [narrow]):
        assert (
            stackc("apply", "stack.yaml", *overrides, "--yes", cwd=shop, environment=KEY).code == 0
        )
    assert revision(shop) == 2

    back = stackc("rollback", "stack.yaml", "api", narrow, cwd=shop, environment=KEY)
    assert back.code == 0, back.text
    assert "revision 1, rolled back from 2" in back.text
    assert revision(shop) == 1
    planned = stackc("plan", "stack.yaml", narrow, cwd=shop, environment=KEY)
    assert "rolled back from revision 2, which the spec still asks for" in planned.text
    twice = stackc("rollback", "stack.yaml", "deployments.api", narrow, cwd=shop, environment=KEY)
    assert (twice.code, "error[E608]" in twice.err) == (1, True)

    assert stackc("apply", "stack.yaml", "--yes", cwd=shop, environment=KEY).code == 0
    assert revision(shop) == 1, "the spec asks for the former model again: nothing to switch"
    assert changes(shop) == []
    runs = json.loads(stackc("history", "stack.yaml", "--format", "json", cwd=shop).out)["runs"]
    assert [run["command"] for run in runs] == ["apply", "rollback", "apply", "apply"]


def test_only_a_deployment_that_is_applied_is_rolled_back(shop: Path) -> None:
    for name, says in (("api", "no `deployments.api` that"), ("a=b", "before any override")):
        answer = stackc("rollback", "stack.yaml", name, cwd=shop, environment=KEY)
        assert answer.code in (1, 2)
        assert says in answer.err


def revision(folder: Path) -> int:
    """Which revision the host serves."""
    host = running(folder / ".stackc")
    assert host is not None
    found: int = host.ask({"do": "state"})["deployments"]["deployments.api"]["revision"]
    return found


def changes(folder: Path, environment: dict[str, str] = KEY) -> list[str]:
    """What a plan would do, by address."""
    answer = stackc("plan", "stack.yaml", "--format", "json", cwd=folder, environment=environment)
    assert answer.code == 0, answer.text
    found = json.loads(answer.out)
    return [step["address"] for step in found["changes"] if step["action"] != "keep"]


def gone(pid: int) -> None:
    """Wait until a process has ended."""
    if psutil.pid_exists(pid):
        psutil.Process(pid).wait(10)
