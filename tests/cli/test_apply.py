"""The commands that change something, end to end on a small stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.house.cli import ROOT, Answer, command, stackc

SPEC = """\
stackc: 1
name: shop
sources:
  orders:
    path: orders.csv
    columns: {id: int64, amount: float64, city: string}
  cities:
    path: cities.csv
    columns: {city: string, country: string}
validation:
  orders:
    - not_null: [id]
    - between: {amount: [0, 1000]}
"""
SALES = """\
datasets:
  sales:
    sql: select o.*, c.country from orders o left join cities c using (city)
"""
ORDERS = "id,amount,city\n1,2.5,Rome\n2,3.5,Paris\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(SPEC, "utf-8")
    (tmp_path / "orders.csv").write_text(ORDERS, "utf-8")
    (tmp_path / "cities.csv").write_text("city,country\nRome,Italy\nParis,France\n", "utf-8")
    return tmp_path


@pytest.fixture
def sales(shop: Path) -> Path:
    """With a dataset: slower, as datasets are profiled."""
    (shop / "stack.yaml").write_text(SPEC + SALES, "utf-8")
    return shop


def document(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.out)
    assert found["schema"] == 1
    return found


def applied(shop: Path) -> Answer:
    answer = stackc("apply", "stack.yaml", cwd=shop)
    assert answer.code == 0, answer.text
    return answer


def test_apply_says_what_it_does_and_what_came_out(shop: Path) -> None:
    said = applied(shop).out
    for address in ("sources.orders/ingest", "sources.cities/publish"):
        assert any(line.startswith("done") and address in line for line in said.split("\n"))
    assert "Versions" in said
    assert "Report: .stackc/report.html" in said
    assert "stackc show stack.yaml" in said
    assert (shop / ".stackc" / "report.html").is_file()


def test_a_second_apply_says_that_there_is_nothing_to_do(shop: Path) -> None:
    applied(shop)
    report = (shop / ".stackc" / "report.html").stat().st_mtime_ns
    again = applied(shop)
    assert "shop: nothing to do" in again.out
    assert "done" not in again.out
    assert (shop / ".stackc" / "report.html").stat().st_mtime_ns == report
    assert stackc("plan", "stack.yaml", "--detailed-exitcode", cwd=shop).code == 0


def test_apply_for_programs_is_one_document(shop: Path) -> None:
    answer = stackc("apply", "stack.yaml", "--format", "json", "--workers", "1", "--yes", cwd=shop)
    found = document(answer)
    assert answer.code == 0
    assert answer.err == ""
    assert (found["ok"], found["status"], found["failed"], found["skipped"]) == (
        True, "done", {}, {},
    )  # fmt: skip
    assert {"address", "action", "seconds", "summary"} == found["finished"][0].keys()
    assert found["results"]["tables"]["sources.orders"]["version"]["rows"] == 2


def test_a_run_that_fails_says_what_and_the_next_one_goes_on(sales: Path) -> None:
    (sales / "orders.csv").write_text(ORDERS + "3,-1,Oslo\n", "utf-8")
    failed = stackc("apply", "stack.yaml", cwd=sales)
    assert failed.code == 1
    assert "error[E706]" in failed.err
    assert "--> stack.yaml:" in failed.err
    assert "Skipped because of sources.orders/publish: datasets.sales" in failed.out
    assert "to go on from there: stackc apply stack.yaml" in failed.out
    assert "Traceback" not in failed.text
    (sales / "orders.csv").write_text(ORDERS, "utf-8")
    mended = applied(sales).out
    assert "datasets.sales/query" in mended
    assert "sources.cities" not in mended.split("Versions")[0]


def test_plan_shows_why_down_to_the_field(sales: Path) -> None:
    first = stackc("plan", "stack.yaml", "--detailed-exitcode", cwd=sales)
    assert first.code == 3
    assert "+ sources.orders" in first.out
    assert "first time" in first.out
    assert not (sales / ".stackc").exists()
    applied(sales)
    spec = sales / "stack.yaml"
    spec.write_text((SPEC + SALES).replace("c.country", "c.country as land"), "utf-8")
    second = stackc("plan", "stack.yaml", cwd=sales)
    assert second.code == 0
    assert "~ datasets.sales" in second.out
    assert "sql: select o.*, c.country from" in second.out
    assert "→" in second.out
    assert "sources" not in second.out
    found = document(stackc("plan", "stack.yaml", "--format", "json", cwd=sales))
    assert found["blocks"] == {"datasets.sales": "query"}


def test_a_removed_block_is_deleted(sales: Path) -> None:
    applied(sales)
    (sales / "stack.yaml").write_text(SPEC, "utf-8")
    planned = stackc("plan", "stack.yaml", cwd=sales)
    assert "- datasets.sales  delete: " in planned.out
    assert "deleted  datasets.sales/query" in applied(sales).out


def test_a_saved_plan_is_applied_as_it_was_shown(shop: Path) -> None:
    planned = stackc("plan", "stack.yaml", "name=store", "--out", "p.json", cwd=shop)
    assert planned.code == 0, planned.text
    done = stackc("apply", "p.json", cwd=shop)
    assert done.code == 0, done.text
    assert "store: 2 blocks to change" in done.out
    stale = stackc("apply", "p.json", cwd=shop)
    assert stale.code == 1
    assert "error[E604]" in stale.err
    assert "| stackc … p.json" in stale.err


def test_a_saved_plan_is_found_from_another_folder(shop: Path) -> None:
    assert stackc("plan", "stack.yaml", "--out", "p.json", cwd=shop).code == 0
    (shop / "inner").mkdir()
    done = stackc("apply", "../p.json", cwd=shop / "inner")
    assert done.code == 0, done.text
    assert (shop / ".stackc").is_dir()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": 1}', '{"format": 99, "changes": []}', "\x00", "[" * 100_000],
)
def test_a_plan_that_cannot_be_read_is_a_finding(shop: Path, text: str) -> None:
    (shop / "p.json").write_text(text, "utf-8")
    answer = stackc("apply", "p.json", cwd=shop)
    assert answer.code == 1, answer.text
    assert "error[E605]" in answer.err
    assert "Traceback" not in answer.text


def test_a_saved_plan_takes_no_overrides(shop: Path) -> None:
    assert stackc("plan", "stack.yaml", "--out", "p.json", cwd=shop).code == 0
    assert stackc("apply", "p.json", "name=other", cwd=shop).code == 2


def test_destroy_wants_a_yes(shop: Path) -> None:
    applied(shop)
    asked = stackc("destroy", "stack.yaml", cwd=shop)
    assert asked.code == 2
    assert "--yes" in asked.err
    assert "nothing to do" in applied(shop).out


def test_destroy_leaves_the_history(shop: Path) -> None:
    applied(shop)
    gone = stackc("destroy", "stack.yaml", "--yes", cwd=shop)
    assert gone.code == 0, gone.text
    left = {path.name for path in (shop / ".stackc").rglob("*") if path.is_file()}
    assert not {name for name in left if name.endswith((".parquet", ".html"))}
    runs = document(stackc("history", "stack.yaml", "--format", "json", cwd=shop))["runs"]
    assert [run["command"] for run in runs] == ["destroy", "apply"]
    again = stackc("destroy", "stack.yaml", "--yes", cwd=shop)
    assert again.code == 0
    assert "nothing to destroy" in again.out


def test_looking_needs_no_apply(shop: Path) -> None:
    assert "Nothing was applied yet" in stackc("status", "stack.yaml", cwd=shop).out
    assert "No run yet" in stackc("history", "stack.yaml", cwd=shop).out
    shown = stackc("show", "stack.yaml", cwd=shop)
    assert shown.code == 1
    assert "error[E606]" in shown.err
    assert "--> <command line>:1:10" in shown.err
    assert stackc("doctor", "stack.yaml", cwd=shop).code == 0
    assert not (shop / ".stackc").exists()


def test_status_history_show_and_gc_tell_of_a_run(shop: Path) -> None:
    applied(shop)
    status = stackc("status", "stack.yaml", cwd=shop)
    assert "run 1, apply: done" in status.out
    found = document(stackc("status", "stack.yaml", "--format", "json", cwd=shop))
    assert "sources.orders/ingest" in {node["address"] for node in found["nodes"]}
    assert " 1  apply " in stackc("history", "stack.yaml", "--limit", "1", cwd=shop).out
    shown = stackc("show", "stack.yaml", "--out", "out.html", cwd=shop)
    assert shown.code == 0, shown.text
    assert "orders" in (shop / "out.html").read_text("utf-8")
    swept = document(stackc("gc", "stack.yaml", "--format", "json", cwd=shop))
    assert swept["objects"] == 0
    assert "nothing to do" in applied(shop).out


def test_doctor_sees_what_is_missing(shop: Path) -> None:
    applied(shop)
    for path in (shop / ".stackc" / "objects").rglob("*.parquet"):
        path.unlink()
    found = document(stackc("doctor", "stack.yaml", "--format", "json", cwd=shop))
    checks = {check["subject"]: check["verdict"] for check in found["checks"]}
    assert checks["store"] == "warning"
    assert checks["python"] == checks["backend duckdb"] == "good"
    (shop / ".stackc" / "state.db").write_bytes(b"no database at all" * 100)
    answer = stackc("doctor", "stack.yaml", cwd=shop)
    assert answer.code == 1
    assert "error" in answer.out


def test_a_project_that_is_locked_says_by_whom(shop: Path) -> None:
    from compiler.engine.project import open_project

    with open_project(shop, write=True):
        answer = stackc("apply", "stack.yaml", cwd=shop)
    assert answer.code == 1
    assert "error[E603]" in answer.err


def test_a_reader_that_leaves_does_not_stop_the_run(shop: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command("apply", "stack.yaml"), stdout=writer, stderr=subprocess.PIPE, cwd=shop,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 0
    assert "nothing to do" in applied(shop).out


def test_an_interrupt_ends_cleanly_and_the_next_apply_goes_on(sales: Path) -> None:
    spec = sales / "stack.yaml"
    slow = "  slow:\n    sql: select sum((a.range * b.range) % 7) as s"
    slow += " from range(300000) a, range(300000) b\n"
    spec.write_text(SPEC + SALES + slow, "utf-8")
    with subprocess.Popen(
        command("apply", "stack.yaml"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=sales, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None
        for line in run.stdout:
            if "datasets.sales/query" in line:
                run.send_signal(signal.SIGINT)
                break
        out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "Interrupted after" in out
    assert "error[E716]" in err
    assert "Traceback" not in err
    spec.write_text(SPEC + SALES, "utf-8")
    went_on = applied(sales).out
    assert "sources.orders/ingest" not in went_on
    assert "datasets.sales/query" not in went_on
    assert "nothing to do" in applied(sales).out
