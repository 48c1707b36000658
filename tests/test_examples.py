"""The examples, end to end: what a new user does with them, and what they are told."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import copied
from tests.house.cli import PLAIN, ROOT, command, stackc_process
from tests.house.memory import watched

MEMORY = 1_500_000_000
RETRAINED = "models.malignancy"


def plan(folder: Path, *overrides: str) -> dict[str, Any]:
    """The plan as data."""
    answer = stackc_process("plan", "stack.yaml", *overrides, "--format", "json", cwd=folder)
    assert answer.code == 0, answer.text
    found: dict[str, Any] = json.loads(answer.out)
    return found


def worked(folder: Path, *overrides: str) -> set[str]:
    """The steps a plan would run, create, update or delete."""
    return {c["address"] for c in plan(folder, *overrides)["changes"] if c["action"] != "keep"}


def apply(folder: Path, *overrides: str) -> str:
    """Apply, and what was said."""
    answer = stackc_process("apply", "stack.yaml", *overrides, "--yes", cwd=folder)
    assert answer.code == 0, answer.text
    return answer.text


def edited(folder: Path, old: str, new: str) -> None:
    """Change a text in the spec that stands there once."""
    spec = folder / "stack.yaml"
    text = spec.read_text("utf-8")
    assert text.count(old) == 1, old
    spec.write_text(text.replace(old, new), "utf-8")


def test_the_quickstart_shows_what_came_out(applied_quickstart: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(applied_quickstart, tmp_path / "copy"))
    report = tmp_path / "report.html"
    answer = stackc_process("show", "stack.yaml", "--output", str(report), cwd=folder)
    assert answer.code == 0, answer.text
    page = report.read_text("utf-8")
    assert "malignancy" in page
    assert "roc_auc" in page


def test_a_second_apply_does_nothing(again: Path) -> None:
    assert worked(again) == set()
    said = apply(again)
    assert re.search(r"nothing to do|no changes|up to date", said, re.IGNORECASE), said


def test_a_comment_or_a_description_changes_nothing(again: Path) -> None:
    edited(again, "description: The probability", "description: How likely it is")
    edited(again, "\nmodels:", "\n# the one model\nmodels:")
    assert worked(again) == set()


def test_a_gate_is_judged_anew_and_nothing_is_trained(again: Path) -> None:
    edited(again, "roc_auc >= 0.95", "roc_auc >= 0.94")
    found = plan(again)
    steps = {change["operation"] for change in found["changes"] if change["action"] != "keep"}
    assert steps
    assert not steps & {"Train", "FitFeatures", "Package", "Split", "Query", "Profile"}
    apply(again)
    assert worked(again) == set()


def test_the_depth_retrains_and_reads_nothing_anew(again: Path) -> None:
    found = plan(again, "models.malignancy.algorithm.max_depth=3")
    assert found["blocks"][RETRAINED] == "retrain"
    steps = {change["operation"] for change in found["changes"] if change["action"] != "keep"}
    assert "Train" in steps
    assert not steps & {"ReadFiles", "Validate", "Query", "Split"}
    assert "max_depth" in json.dumps(found["changes"])


def test_a_block_that_is_removed_takes_what_it_made_with_it(again: Path) -> None:
    spec = again / "stack.yaml"
    text = spec.read_text("utf-8")
    start, end = text.index("predictions:\n"), text.index("monitors:\n")
    spec.write_text(text[:start] + text[end:], "utf-8")
    assert plan(again)["blocks"]["predictions.verdicts"] == "delete"
    apply(again)
    assert worked(again) == set()
    shown = stackc_process("status", "stack.yaml", cwd=again)
    assert "verdicts" not in shown.out


def test_destroy_leaves_nothing_but_the_history(again: Path) -> None:
    answer = stackc_process("destroy", "stack.yaml", "--yes", cwd=again)
    assert answer.code == 0, answer.text
    left = [p for p in (again / ".stackc").rglob("*") if p.is_file()]
    assert not [p for p in left if p.suffix in (".parquet", ".onnx", ".whylogs")], left
    history = stackc_process("history", "stack.yaml", "--format", "json", cwd=again)
    assert history.code == 0, history.text
    assert len(json.dumps(json.loads(history.out))) > 100


def test_data_that_changes_is_read_anew(again: Path) -> None:
    data = again / "data" / "later.csv"
    lines = data.read_text("utf-8").splitlines(keepends=True)
    data.write_text("".join(lines[:-1]), "utf-8")
    found = plan(again)
    assert found["blocks"]["sources.later"] == "ingest"
    assert RETRAINED not in found["blocks"]


def test_the_state_is_sound(applied_quickstart: Path) -> None:
    for path in (applied_quickstart / ".stackc").glob("*.db"):
        with sqlite3.connect(path) as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, int]]:
    """The flights example, applied once: folder, what was said, peak memory."""
    top = tmp_path_factory.mktemp("example")
    folder = copied("flights", top / "flights")
    answer, peak = watched(command("apply", "stack.yaml", "--yes"), folder, top / "said.txt")
    assert answer.code == 0, answer.text
    yield folder, answer.text, peak
    stackc_process("destroy", "stack.yaml", "--yes", cwd=folder)
    shutil.rmtree(top, ignore_errors=True)


@pytest.mark.xdist_group("hosts")
def test_flights_runs_within_its_memory(flights: tuple[Path, str, int]) -> None:
    assert flights[2] < MEMORY


@pytest.mark.xdist_group("hosts")
def test_flights_shows_the_drift_of_its_seasons(flights: tuple[Path, str, int]) -> None:
    folder, said, _ = flights
    assert "seasons" in said
    shown = stackc_process("status", "stack.yaml", "--format", "json", cwd=folder)
    assert shown.code == 0, shown.text
    assert "temp" in shown.out or "temp" in said


@pytest.mark.xdist_group("hosts")
def test_flights_applied_again_does_nothing(flights: tuple[Path, str, int]) -> None:
    assert worked(flights[0]) == set()


@pytest.mark.xdist_group("hosts")
def test_flights_as_traffic_alert_on_drift_alone(flights: tuple[Path, str, int]) -> None:
    """Quiet on the months that the model has learned from, told of December, once."""
    alerted_in_december(flights[0])


@pytest.mark.soak
@pytest.mark.xdist_group("ray")
def test_flights_runs_unchanged_on_ray(tmp_path: Path) -> None:
    folder = copied("flights", tmp_path / "flights")
    answer = stackc_process("apply", "stack.yaml", "--yes", "backends=ray", cwd=folder, timeout=600)
    assert answer.code == 0, answer.text
    assert "late_api  revision 1  http://127.0.0.1:88" in answer.text
    alerted_in_december(folder, "backends=ray")
    again = stackc_process("plan", "stack.yaml", "backends=ray", cwd=folder)
    assert "nothing to do" in again.text
    ended = stackc_process("destroy", "stack.yaml", "--yes", "backends=ray", cwd=folder)
    assert ended.code == 0, ended.text


def alerted_in_december(folder: Path, *overrides: str) -> None:
    """Replay months that were learned from, and December."""
    replayed = subprocess.run(
        [sys.executable, "replay.py", "1-6", "12", *overrides],
        cwd=folder,
        env={**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    learned, december = replayed.stdout.split("months 12")
    assert "no drift  15 columns compared" in learned
    assert re.search(r"drift  \d+ of 15 over psi 0\.3: temp", december)
    events = map(json.loads, (folder / ".stackc" / "events.log").read_text().splitlines())
    told = [e["subject"] for e in events if e["type"] == "dev.stackc.drift.detected"]
    assert told.count("monitors.traffic") == 1


@pytest.mark.xdist_group("hosts")
def test_the_wine_is_tuned_served_and_taken_down(tmp_path: Path) -> None:
    folder = copied("wine", tmp_path / "wine")
    said = apply(folder)
    url = re.search(r"http://127\.0\.0\.1:\d+/cultivar_api", said)
    assert url is not None, said
    row = {
        "alcohol": 13.2, "malic_acid": 1.8, "color_intensity": 5.1, "hue": 1.0, "proline": 1100,
    }  # fmt: skip
    answer = httpx.post(url[0], json=row)
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"][0]["prediction"] == "barolo"
    assert worked(folder) == set()
    assert worked(folder, "deployments.cultivar_api.limits.rows=100") == {
        "deployments.cultivar_api/deploy"
    }
    assert stackc_process("destroy", "stack.yaml", "--yes", cwd=folder).code == 0
    with pytest.raises(httpx.TransportError):
        httpx.post(url[0], json=row)
