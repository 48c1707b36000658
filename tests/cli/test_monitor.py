"""Live monitors from the command line: quiet on what was learned, told once of what is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backends.host.process import running, stop
from tests.cli.test_deploy import SPEC
from tests.house.cli import PLAIN, ROOT, command, stackc

pytestmark = pytest.mark.xdist_group("hosts")
MONITORED = (
    SPEC.replace('    auth: {api_key: "${secret:API_KEY}"}\n', "")
    + """
monitors:
  live:
    deployment: api
    window: 10d
    drift: {method: psi, threshold: 0.2}
    rates: {nulls: 0.1, unknown: 0.3}
    on_alert: [notify: ops]
notifications:
  ops: {log: true}
"""
)
ROWS: list[dict[str, Any]] = [
    {"age": 20 + at, "income": at * 3 + 0.5, "city": "Oslo" if at % 3 else "Bergen"}
    for at in range(60)
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """Applied, with a monitor; the host ends with the test."""
    rows = [f"{r['age']},{r['income']},{r['city']},{r['age'] > 40}" for r in ROWS]
    (tmp_path / "people.csv").write_text("\n".join(["age,income,city,bought", *rows]))
    (tmp_path / "stack.yaml").write_text(MONITORED)
    applied = stackc("apply", "stack.yaml", "--yes", cwd=tmp_path)
    assert applied.code == 0, applied.text
    yield tmp_path
    stop(tmp_path / ".stackc")


def ask(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Send rows to the deployment."""
    host = running(folder / ".stackc")
    assert host is not None
    assert httpx.post(f"{host.url}/api", json={"rows": rows}).status_code == 200


def told(folder: Path) -> list[dict[str, Any]]:
    """The drift events that the log has."""
    log = folder / ".stackc" / "events.log"
    events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [e for e in events if e["type"] == "dev.stackc.drift.detected"]


def monitor(folder: Path, *arguments: str) -> dict[str, Any]:
    """What a look found, window by window."""
    answer = stackc("monitor", "stack.yaml", *arguments, "--format", "json", cwd=folder)
    assert answer.code == 0, answer.text
    found: dict[str, Any] = json.loads(answer.out)["monitors"]["monitors.live"]
    return found


def test_answers_are_held_against_those_to_the_training_part(shop: Path) -> None:
    """The rows it has learned from get the answers it gave them; young people get one answer."""
    answers = '+monitors.live.drift.columns=["prediction","probability"]'
    applied = stackc("apply", "stack.yaml", answers, "--yes", cwd=shop)
    assert applied.code == 0, applied.text
    ask(shop, ROWS)
    (quiet,) = monitor(shop, answers, "--close")["windows"]
    assert quiet["drifted"] == []
    ask(shop, ROWS[:20] * 3)
    (found,) = monitor(shop, answers, "--close")["windows"]
    assert found["drifted"] == ["prediction", "probability"]


def test_quiet_on_what_was_learned_and_told_once_of_what_was_not(shop: Path) -> None:
    ask(shop, ROWS)
    found = monitor(shop, "--close")
    assert [(w["rows"], w["drifted"]) for w in found["windows"]] == [(60, [])]
    assert told(shop) == []

    ask(shop, [{**row, "age": 500 + row["age"], "city": "Rome"} for row in ROWS])
    answer = stackc("monitor", "stack.yaml", "--close", "--detailed-exitcode", cwd=shop)
    assert answer.code == 3
    assert "drift  2 of 3 over psi 0.2: city" in answer.out
    (event,) = told(shop)
    assert event["subject"] == "monitors.live"
    assert event["data"]["notify"] == ["notifications.ops"]
    assert {c["column"] for c in event["data"]["windows"][0]["columns"]} == {"age", "city"}

    assert monitor(shop)["windows"] == [], "a window is judged once"
    assert stackc("plan", "stack.yaml", "--detailed-exitcode", cwd=shop).code == 0
    status = stackc("status", "stack.yaml", cwd=shop)
    assert "windows 2" in status.out
    report = shop / "report.html"
    assert stackc("show", "stack.yaml", "--output", str(report), cwd=shop).code == 0
    assert "monitors.live" in report.read_text()
    assert len(told(shop)) == 1


def test_unknown_categories_alert_by_themselves(shop: Path) -> None:
    """``rates`` look at shares of values, whatever the distances say."""
    ask(
        shop,
        [{**row, "city": "Rome" if at % 5 < 2 else row["city"]} for at, row in enumerate(ROWS)],
    )
    (window,) = monitor(shop, "--close")["windows"]
    city = next(column for column in window["columns"] if column["column"] == "city")
    assert city["unknown"] == pytest.approx(0.4)
    assert "40.0% of the values are new" in city["detail"]
    assert "city" in window["drifted"]


def test_an_apply_between_forgets_nothing(shop: Path) -> None:
    """Another model is deployed: the monitor goes on with what it has judged."""
    ask(shop, ROWS)
    assert len(monitor(shop, "--close")["windows"]) == 1
    ask(shop, ROWS)
    assert stackc("apply", "stack.yaml", "models.bought.features=[age,city]", cwd=shop).code == 0
    ask(shop, [{"age": row["age"], "city": row["city"]} for row in ROWS])
    override = "models.bought.features=[age,city]"
    answer = stackc("monitor", "stack.yaml", override, "--close", "--format", "json", cwd=shop)
    found = json.loads(answer.out)["monitors"]["monitors.live"]
    assert sorted(window["rows"] for window in found["windows"]) == [60, 60]
    status = json.loads(stackc("status", "stack.yaml", override, "--format", "json", cwd=shop).out)
    summaries = {node["address"]: node["summary"] for node in status["nodes"]}
    assert summaries["monitors.live/watch"]["windows"] == 3


DRIVER = """
import os, signal, sys
from compiler.engine import durable

kind, at = sys.argv[1], int(sys.argv[2])

def hook(name):
    global at
    if name == kind:
        at -= 1
        if at < 0:
            os.kill(os.getpid(), signal.SIGKILL)

from compiler.cli import main
with durable.injected(hook):
    sys.argv[1:] = ["monitor", "stack.yaml", "--close"]
    main()
"""
POINTS = [
    ("commit.begin", 0), ("commit.ready", 0), ("commit.done", 0), ("monitor.kept", 0),
    ("deliver.begin", 0), ("deliver.done", 0),
]  # fmt: skip


def test_killed_while_it_judges_each_window_is_told_once(shop: Path) -> None:
    """Law 4: judged and told in one transaction, forgotten only then."""
    far = [{**row, "age": 500 + row["age"]} for row in ROWS]
    for kind, at in POINTS:
        ask(shop, far)
        died = subprocess.run(
            [sys.executable, "-c", DRIVER, kind, str(at)],
            cwd=shop,
            env={**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert died.returncode == -9, died.stderr
    monitor(shop, "--close")
    identities = {event["id"] for event in told(shop)}
    # What is delivered at least once has an id that stays.
    assert len(identities) == len(POINTS)
    status = json.loads(stackc("status", "stack.yaml", "--format", "json", cwd=shop).out)
    drift = status["results"]["monitors"]["monitors.live"]
    labels = [window["window"] for window in drift["windows"]]
    assert len(labels) == len(set(labels)) == len(POINTS)


def test_following_goes_on_until_it_is_interrupted(shop: Path) -> None:
    process = subprocess.Popen(
        [*command("monitor", "stack.yaml", "--follow")],
        cwd=shop,
        env={**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_monitor_that_goes_leaves_nothing(shop: Path) -> None:
    ask(shop, ROWS)
    answer = stackc("apply", "stack.yaml", "~monitors", "--yes", cwd=shop)
    assert answer.code == 0, answer.text
    ask(shop, ROWS)
    assert not [*(shop / ".stackc" / "host" / "monitors").iterdir()]
    assert stackc("monitor", "stack.yaml", "~monitors", cwd=shop).code == 1
