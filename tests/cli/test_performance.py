"""Labels that arrive later, from the command line: waited for, judged once, told once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sklearn.metrics import f1_score

from backends.host.process import running, stop
from compiler.engine import measuring
from compiler.engine.monitoring import judge
from compiler.engine.project import open_project
from compiler.engine.tasks import Call
from compiler.engine.workers import Workers
from compiler.pipeline import compile_spec
from tests.cli.test_monitor import DRIVER, ask, monitor
from tests.house.cli import PLAIN, ROOT, stackc

pytestmark = pytest.mark.xdist_group("hosts")
SPEC = """
stackc: 1
name: shop
sources:
  people:
    path: people.csv
    columns: {id: int64, age: int64, city: string, bought: bool}
  outcomes:
    path: outcomes.csv
    columns: {id: int64, bought: bool}
validation:
  outcomes: [unique: [id]]
datasets:
  buyers: {from: people, split: {train: 0.7, test: 0.3}}
models:
  bought:
    dataset: buyers
    target: bought
    features: [age, city]
    algorithm: {kind: linear}
deployments:
  api: {model: bought, key: id}
monitors:
  live:
    deployment: api
    window: 10d
    performance: {metric: f1, min: 0.9, labels: outcomes.bought}
    on_alert: [notify: ops]
notifications:
  ops: {log: true}
"""
ROWS: list[dict[str, Any]] = [
    {"id": at, "age": 20 + at % 60, "city": "Oslo" if at % 3 else "Bergen"} for at in range(120)
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """Applied while no label has come; the host ends with the test."""
    rows = [f"{r['id']},{r['age']},{r['city']},{r['age'] > 40}" for r in ROWS]
    (tmp_path / "people.csv").write_text("\n".join(["id,age,city,bought", *rows]))
    (tmp_path / "stack.yaml").write_text(SPEC)
    labelled(tmp_path, [])
    applied = stackc("apply", "stack.yaml", "--yes", cwd=tmp_path)
    assert applied.code == 0, applied.text
    yield tmp_path
    stop(tmp_path / ".stackc")


def labelled(folder: Path, ids: Iterable[int], over: int = 40) -> None:
    """What was true of these rows, as it comes in; with another age it is not what was learned."""
    lines = [f"{at},{ROWS[at]['age'] > over}" for at in ids]
    (folder / "outcomes.csv").write_text("\n".join(["id,bought", *lines, "9999,"]))


def answers(folder: Path, rows: list[dict[str, Any]]) -> list[bool]:
    """What the deployment says of rows."""
    host = running(folder / ".stackc")
    assert host is not None
    said = httpx.post(f"{host.url}/api", json={"rows": rows}).json()["predictions"]
    return [answer["prediction"] for answer in said]


def events(folder: Path) -> list[dict[str, Any]]:
    """The performance events that the log has."""
    log = folder / ".stackc" / "events.log"
    found = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [event for event in found if event["type"] == "dev.stackc.performance.dropped"]


def kept(folder: Path) -> list[Path]:
    """The files of answers that wait for labels."""
    return [*folder.glob(".stackc/host/monitors/*/answers/*/*.parquet")]


def test_from_an_answer_to_its_verdict(shop: Path) -> None:
    """Drift is judged at the window's end; performance when all labels are there, and once."""
    ask(shop, ROWS)
    found = monitor(shop, "--close")
    (window,) = found["windows"]
    (waiting,) = found["performance"]["waiting"]
    assert (window["rows"], window["drifted"]) == (120, [])
    assert (waiting["rows"], waiting["labelled"]) == (120, 0)
    assert kept(shop), "answers outlive the sketches"

    labelled(shop, range(60), over=50)
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    text = stackc("monitor", "stack.yaml", cwd=shop).out
    assert "1 window waits for labels, which 60 of 120 rows have; judged by" in text

    labelled(shop, range(120), over=50)
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    answer = stackc("monitor", "stack.yaml", "--detailed-exitcode", cwd=shop)
    assert answer.code == 3
    truth = [row["age"] > 50 for row in ROWS]
    value = f1_score(truth, answers(shop, ROWS))
    assert value < 0.9
    assert f"dropped  f1 {value:.4f}, below 0.9" in answer.out
    (event,) = events(shop)
    assert event["subject"] == "monitors.live"
    assert event["data"]["notify"] == ["notifications.ops"]
    assert event["data"]["windows"][0]["value"] == pytest.approx(value)
    assert not kept(shop)

    assert monitor(shop)["performance"]["windows"] == [], "a window is judged once"
    assert len(events(shop)) == 1
    assert stackc("plan", "stack.yaml", "--detailed-exitcode", cwd=shop).code == 0
    status = stackc("status", "stack.yaml", cwd=shop).out
    assert "dropped 1" in status
    report = shop / "report.html"
    assert stackc("show", "stack.yaml", "--output", str(report), cwd=shop).code == 0
    assert "live: performance dropped in 1 of 1 window" in report.read_text()


def test_labels_that_come_change_nothing_but_the_monitor(shop: Path) -> None:
    labelled(shop, range(10))
    plan = stackc("plan", "stack.yaml", cwd=shop).out
    assert "~ monitors.live     re-monitor" in plan
    assert "retrain" not in plan
    assert "redeploy" not in plan
    ask(shop, ROWS[:50])
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    ask(shop, ROWS[50:])
    (window,) = monitor(shop, "--close")["windows"]
    assert window["rows"] == 120, "the window goes on"


def test_a_row_without_its_key_is_answered_and_counted(shop: Path) -> None:
    bare = [{name: row[name] for name in ("age", "city")} for row in ROWS[:7]]
    ask(shop, [*ROWS, *bare])
    labelled(shop, range(120))
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    (window,) = monitor(shop, "--close")["performance"]["windows"]
    assert (window["rows"], window["left_out"], window["dropped"]) == (120, 7, False)


def test_after_some_time_those_with_a_label_are_judged(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten days until the window's nominal end, and a week: then no more labels are waited for."""
    ask(shop, ROWS)
    labelled(shop, range(40), over=50)
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    assert monitor(shop, "--close")["performance"]["windows"] == []
    now = time.time()
    monkeypatch.setattr(measuring, "time", SimpleNamespace(time=lambda: now + 17 * 86_400))
    (window,) = monitor(shop)["performance"]["windows"]
    assert (window["rows"], window["labelled"], window["dropped"]) == (120, 40, True)


def test_with_no_labels_it_says_so_in_the_end(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(shop, ROWS)
    monitor(shop, "--close")
    now = time.time()
    monkeypatch.setattr(measuring, "time", SimpleNamespace(time=lambda: now + 17 * 86_400))
    text = stackc("monitor", "stack.yaml", cwd=shop).out
    assert "not judged  0 labelled; no label has come" in text
    assert not events(shop)
    assert not kept(shop)


def test_a_metric_that_needs_no_more_than_was_kept_judges_what_was_kept(shop: Path) -> None:
    """The answers are those that were given, whatever is asked of them later."""
    ask(shop, ROWS)
    labelled(shop, range(120))
    other = "monitors.live.performance.metric=recall"
    assert stackc("apply", "stack.yaml", other, "--yes", cwd=shop).code == 0
    answer = stackc("monitor", "stack.yaml", other, "--close", "--format", "json", cwd=shop)
    found = json.loads(answer.out)["monitors"]["monitors.live"]["performance"]
    assert [(w["metric"], w["rows"]) for w in found["windows"]] == [("recall", 120)]


def test_who_asks_no_more_for_performance_keeps_no_answers(shop: Path) -> None:
    ask(shop, ROWS)
    monitor(shop, "--close")
    gone = "~monitors.live.performance"
    assert stackc("apply", "stack.yaml", gone, "--yes", cwd=shop).code == 0
    assert not kept(shop)
    assert stackc("plan", "stack.yaml", gone, "--detailed-exitcode", cwd=shop).code == 0
    ask(shop, ROWS)
    answer = stackc("monitor", "stack.yaml", gone, "--close", "--format", "json", cwd=shop)
    assert "performance" not in json.loads(answer.out)["monitors"]["monitors.live"]
    assert not kept(shop)


def test_two_labels_of_a_key_stop_the_labels_and_nothing_else(shop: Path) -> None:
    """Those that were applied before stay, and the monitor goes on with them."""
    labelled(shop, range(120))
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    with (shop / "outcomes.csv").open("a") as file:
        file.write("\n5,true\n5,false\n")
    answer = stackc("apply", "stack.yaml", "~validation", "--yes", cwd=shop)
    assert answer.code == 1
    assert "error[E730]: 1 key has several labels" in answer.text
    ask(shop, ROWS)
    found = monitor(shop, "~validation", "--close")
    assert [w["labelled"] for w in found["performance"]["windows"]] == [120]


POINTS = [
    ("commit.begin", 0), ("commit.done", 0), ("monitor.kept", 0), ("commit.begin", 1),
    ("commit.ready", 1), ("commit.done", 1), ("monitor.kept", 1), ("deliver.begin", 0),
]  # fmt: skip


def test_killed_while_it_judges_each_window_is_told_once(shop: Path) -> None:
    """Law 4: the verdict and its event are one step, and answers are forgotten only then."""
    labelled(shop, range(120), over=60)
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    for kind, at in POINTS:
        ask(shop, ROWS)
        died = subprocess.run(
            [sys.executable, "-c", DRIVER, kind, str(at)],
            cwd=shop,
            env={**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert died.returncode == -9, died.stderr
    monitor(shop, "--close")
    assert len({event["id"] for event in events(shop)}) == len(POINTS)
    status = json.loads(stackc("status", "stack.yaml", "--format", "json", cwd=shop).out)
    windows = status["results"]["monitors"]["monitors.live"]["performance"]["windows"]
    labels = [window["window"] for window in windows]
    assert len(labels) == len(set(labels)) == len(POINTS)
    assert not kept(shop)


PREDICTED = """
predictions:
  scored: {model: bought, table: people, keep: [id]}
monitors:
  later:
    prediction: scored
    performance: {metric: f1, min: 0.9, labels: outcomes.bought, key: id}
    on_alert: [notify: ops]
notifications:
  ops: {log: true}
"""


def test_a_prediction_is_measured_when_labels_are_applied(shop: Path) -> None:
    """In the graph: each apply measures anew what is labelled by then, and tells of a drop."""
    begin = SPEC.index("deployments:")
    (shop / "stack.yaml").write_text(SPEC[:begin] + PREDICTED)
    first = stackc("apply", "stack.yaml", "--yes", cwd=shop)
    assert first.code == 0, first.text
    assert "not judged  0 labelled; no label has come" in first.out
    labelled(shop, range(90), over=50)
    second = stackc("apply", "stack.yaml", "--yes", cwd=shop)
    assert "dropped  f1" in second.out
    (event,) = events(shop)
    assert event["data"]["windows"][0]["labelled"] == 90
    assert stackc("plan", "stack.yaml", "--detailed-exitcode", cwd=shop).code == 0
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    assert len(events(shop)) == 1


def test_what_waits_is_measured_once_for_the_same_labels(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows looks every few seconds, and there may be a week of windows that wait."""
    ask(shop, ROWS)
    monitor(shop, "--close")
    measured: list[str] = []
    original = Workers.run

    def run(self: Workers, call: Call, isolation: Any, progress: Any) -> Any:
        if call.target.endswith("measure:run"):
            measured.append(call.target)
        return original(self, call, isolation, progress)

    monkeypatch.setattr(Workers, "run", run)
    memory: dict[str, measuring.Memory] = {}

    def look() -> list[int]:
        compiled = compile_spec(shop / "stack.yaml")
        with open_project(shop, write=True) as project:
            (judged,) = judge(project, compiled.graph, compiled.lowered, memory=memory)
        assert judged.measured is not None
        return [waiting.window["labelled"] for waiting in judged.measured.waiting]

    assert (look(), look(), len(measured)) == ([0], [0], 1)
    labelled(shop, range(50))
    assert stackc("apply", "stack.yaml", "--yes", cwd=shop).code == 0
    assert (look(), look(), len(measured)) == ([50], [50], 2)
