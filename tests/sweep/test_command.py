"""``apply -m`` as a program: stopped and gone on with, and what it will not take."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.house.cli import ROOT, command, stackc

SPEC = """\
stackc: 1
name: shop
sources:
  orders:
    path: orders.csv
    columns: {id: int64, amount: float64}
datasets:
  sums:
    sql: select sum((a.range * b.range) % 7) as s from range(10) a, range(10) b
"""
SQL = "datasets.sums.sql"
QUICK = '"select count(*) as s from orders"'
SLOW = '"select sum((a.range * b.range) % 7) as s from range(300000) a, range(300000) b"'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(SPEC)
    (tmp_path / "orders.csv").write_text("id,amount\n1,2.5\n2,3.5\n")
    return tmp_path


def test_an_interrupt_ends_cleanly_and_the_same_sweep_goes_on(shop: Path) -> None:
    with subprocess.Popen(
        command("apply", "stack.yaml", "-m", f"{SQL}={QUICK},{SLOW}"), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=shop, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None
        for line in run.stdout:
            if "datasets.sums@1/query" in line:
                run.send_signal(signal.SIGINT)
                break
        out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "waiting" in out
    assert "Interrupted after" in out
    assert "error[E716]" in err
    assert "Traceback" not in err
    looked = stackc(
        "plan", "stack.yaml", "-m", f"{SQL}={QUICK},{SLOW}", "--format", "json", cwd=shop
    )
    first, second = json.loads(looked.out)["points"]
    assert "datasets.sums@1/query" not in first["run"]
    assert "datasets.sums@2/query" in second["run"]
    done = stackc("apply", "stack.yaml", "-m", f"{SQL}={QUICK}", cwd=shop)
    assert done.code == 0, done.text
    assert "sources.orders/ingest" not in done.out


def test_a_saved_plan_has_no_points(shop: Path) -> None:
    assert stackc("plan", "stack.yaml", "--out", "plan.json", cwd=shop).code == 0
    answer = stackc("apply", "plan.json", "-m", f"{SQL}={QUICK}", cwd=shop)
    assert answer.code == 2
    assert "a saved plan is of one stack" in answer.text


def test_the_history_and_the_status_tell_a_sweep_from_an_apply(shop: Path) -> None:
    stackc("apply", "stack.yaml", "-m", f"{SQL}={QUICK}", cwd=shop)
    assert "1  sweep" in stackc("history", "stack.yaml", cwd=shop).out
    assert "shop: 0 nodes applied" in stackc("status", "stack.yaml", cwd=shop).out
    assert stackc("apply", "stack.yaml", cwd=shop).code == 0
    assert "2  apply" in stackc("history", "stack.yaml", cwd=shop).out


def test_gc_forgets_a_sweep_with_its_table(shop: Path) -> None:
    for query in (QUICK, '"select max(id) as s from orders"'):
        assert stackc("apply", "stack.yaml", "-m", f"{SQL}={query}", cwd=shop).code == 0
    tables = shop / ".stackc" / "sweeps"
    assert sorted(path.name for path in tables.iterdir()) == ["1.parquet", "2.parquet"]
    assert stackc("gc", "stack.yaml", "--keep-sweeps", "1", cwd=shop).code == 0
    assert [path.name for path in tables.iterdir()] == ["2.parquet"]
    gone = stackc("promote", "stack.yaml", "1", "--sweep", "1", cwd=shop)
    assert "error[E610]: there is no sweep 1" in gone.text


def test_the_report_shows_the_sweep(shop: Path) -> None:
    stackc("apply", "stack.yaml", "-m", f"{SQL}={QUICK}", cwd=shop)
    assert stackc("show", "stack.yaml", "--output", "report.html", cwd=shop).code == 0
    text = (shop / "report.html").read_text()
    assert '<article id="sweep-1">' in text
    assert "1 of 1 points done" in text
