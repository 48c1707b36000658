"""Plans, results and runs as text."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.codes import Code
from compiler.diagnostics import Diagnostic
from compiler.engine.plan import Action, Change, Plan
from compiler.engine.reasons import Reason
from compiler.engine.results import Finished, RunResult
from compiler.graph.documents import Drift, Metrics
from compiler.graph.node import Graph, Node, ordered
from compiler.graph.operations import ReadFiles
from compiler.graph.types import TableType
from compiler.report.results import Results
from compiler.report.text_graph import graph_lines
from compiler.report.text_live import LiveProgress, Progress
from compiler.report.text_plan import plan_lines
from compiler.report.text_results import result_lines
from compiler.report.text_run import Telling, end_lines
from compiler.report.text_style import Style, cells, number, seconds, size, table, visible
from tests.report.sample import metrics as sample_metrics
from tests.report.sample_graph import HOSTILE

PLAIN = Style()
FIRST = Reason("first", "first time")


def change(
    address: str, action: Action, *reasons: Reason, category: str = "retrain", kind: str = "step"
) -> Change:
    return Change(address, kind, "Train", action, category, "k", {}, None, reasons)


def planned(*changes: Change) -> list[str]:
    return plan_lines(Plan("", 0, "shop", "g", "b", changes), PLAIN)


def test_a_first_plan_is_a_line_per_block() -> None:
    assert planned(
        change("sources.a/ingest", Action.RUN, FIRST),
        change("sources.a/publish", Action.CREATE, FIRST, kind="resource"),
        change("models.late/train", Action.RUN, FIRST),
    ) == [
        "+ sources.a    ingest, publish (first time)",
        "+ models.late  train (first time)",
        "",
        "shop: 2 blocks to change, nodes: 1 to create, 2 to run",
    ]


def test_a_plan_says_why_down_to_the_field() -> None:
    depth = Reason("field", "algorithm.max_depth: 4 → 8", "algorithm.max_depth", 4, 8)
    gate = Reason("field", "gates.x: (not set) → {…}", "gates.x", None, {"bound": 1})
    inside = Reason("input", "input changed: models.late/train")
    outside = Reason("input", "input changed: datasets.d/split")
    assert planned(
        change("datasets.d/split", Action.KEEP),
        change("models.late/train", Action.RUN, depth, outside),
        change("models.late/register", Action.UPDATE, inside, gate, kind="resource"),
        change("models.old/train", Action.DELETE, Reason("removed", "no longer in the spec")),
    ) == [
        "~ models.late  retrain",
        "    run     train     algorithm.max_depth: 4 → 8",
        "                      input changed: datasets.d/split",
        "    update  register  gates.x: added",
        "                      follows train",
        "",
        "- models.old   delete: train (no longer in the spec)",
        "",
        "shop: 2 blocks to change, nodes: 1 to run, 1 to update, 1 to delete, 1 to keep",
    ]


def test_a_plan_without_work_says_so() -> None:
    assert planned(change("a.b/c", Action.KEEP)) == ["shop: nothing to do, 1 node as wanted"]
    assert planned() == ["shop: empty"]


def test_hostile_names_move_no_cursor() -> None:
    reason = Reason("field", "sql: \x1b[2J → x", "sql", "\x1b[2J", "x")
    assert "\x1b" not in "\n".join(planned(change("a.b/c", Action.RUN, reason)))


METRICS: Metrics = {
    "task": "binary",
    "rows": 100,
    "metrics": {"roc_auc": 0.98765, "f1": None},
    "slices": [],
    "classes": [],
    "confusion": [],
    "curves": {},
    "threshold": 0.5,
}


def drift(*windows: tuple[str, int, list[tuple[str, float]]]) -> Drift:
    return {
        "method": "psi",
        "threshold": 0.2,
        "reference_rows": 10,
        "alert": True,
        "windows": [
            {
                "window": name,
                "rows": rows,
                "drifted": [column for column, distance in columns if distance > 0.2],
                "columns": [
                    {
                        "column": column, "method": "psi", "distance": distance,
                        "nulls": 0.0, "more_nulls": 0.0, "unknown": None,
                        "drifted": distance > 0.2, "detail": "", "bins": [], "reference": [],
                        "current": [],
                    }
                    for column, distance in columns
                ],
            }
            for name, rows, columns in windows
        ],
    }  # fmt: skip


def test_results_are_tables_of_metrics_gates_drift_and_versions() -> None:
    results = Results(
        metrics={"models.late": METRICS},
        gates={
            "models.late": {
                "passed": False,
                "champion": "c" * 64,
                "gates": [
                    {
                        "text": "roc_auc >= champion", "metric": "roc_auc", "op": ">=",
                        "value": 0.98765, "bound": 0.99, "champion": 0.99, "passed": False,
                        "detail": "",
                    }
                ],
            }
        },
        drift={"monitors.m": drift(("2024", 1000, [("a", 0.5), ("b", 0.1)]), ("2025", 9, []))},
        registration={
            "models.late": {
                "name": "late", "version": 2, "digest": "d", "followed": "e" * 64,
                "metrics": {}, "algorithm": "", "parameters": {}, "dataset": "", "data": "",
                "created": "",
            }
        },
    )  # fmt: skip
    assert result_lines(results, PLAIN) == [
        "",
        "Metrics",
        "  model  rows  roc_auc  f1",
        "  late    100   0.9877   –",
        "",
        "Gates",
        "  model  gate                  value   bound",
        "  late   roc_auc >= champion  0.9877  0.9900  failed  champion 0.9900",
        "",
        "Drift",
        "  monitor  window   rows",
        "  m        2024    1,000  drift     1 of 2 over psi 0.2: a 0.50",
        "  m        2025        9  no drift  0 columns compared",
        "",
        "Versions",
        "  models.late  version 2  champion, follows eeeeeeeeeeee",
    ]
    assert result_lines(Results(), PLAIN) == []


def test_fairness_is_a_line_a_metric_with_the_groups_that_are_furthest_apart() -> None:
    found: Any = sample_metrics()
    lines = result_lines(Results(metrics={"models.late": found}), PLAIN)
    assert lines[:5] == [
        "",
        "Metrics",
        "  model    rows  roc_auc      f1  log_loss  brier",
        "  late   28,756   0.7123  0.4321    0.5012      –",
        "",
    ]
    table = [" ".join(line.split()) for line in lines[5:]]
    assert table[:3] == [
        "Fairness",
        "model metric by value of lowest highest",
        f"late demographic_parity_difference origin 0.3000 selection rate {visible(HOSTILE)}:"
        " 0.2000 EWR: 0.5000 1 group below 30 rows not judged",
    ]
    assert table[3].startswith("late equal_opportunity_ratio origin – fewer than two groups")
    assert len(table) == 6


def test_results_as_json_have_the_groups() -> None:
    found: Any = sample_metrics()
    late = Results(metrics={"models.late": found, "models.old": METRICS}).as_json()["models"]
    assert late["models.late"]["fairness"] == found["fairness"]
    assert late["models.old"]["fairness"] is None


def test_many_windows_are_cut_to_those_that_drifted_most() -> None:
    windows = [(str(n), 1, [("a", 0.5)] if n == 99 else []) for n in range(100)]
    lines = result_lines(Results(drift={"monitors.m": drift(*windows)}), PLAIN)
    assert "99" in lines[3]
    assert "76 more" in lines[-1]


def test_results_as_json_leave_the_bins_out() -> None:
    found = Results(drift={"monitors.m": drift(("w", 1, [("a", 0.5)]))}).as_json()
    (column,) = found["monitors"]["monitors.m"]["windows"][0]["columns"]
    assert column.keys() == {
        "column", "method", "distance", "nulls", "more_nulls", "unknown", "drifted", "detail",
    }  # fmt: skip


def told(progress: Progress) -> None:
    with progress:
        telling = Telling(progress)
        telling.started("a.b/c", Action.RUN)
        telling.progress("a.b/c", "half \x1b[2J")
        telling.finished("a.b/c", 1.25, {"rows": 12345, "more": {"x": 1}})
        telling.started("a.b/d", Action.DELETE)
        telling.finished("a.b/d", 0.0, {})
        telling.started("a.b/e", Action.RUN)
        telling.failed("a.b/e", (Diagnostic(Code.CONNECTION, "no\nhost [red]"),))
        telling.skipped("a.b/f", "a.b/e")


def test_progress_is_a_line_per_end() -> None:
    lines: list[str] = []
    told(Progress(lines.append, PLAIN, 5))
    assert lines == [
        "done     a.b/c    1.25 s  rows 12,345",
        "deleted  a.b/d    0.00 s",
        "failed   a.b/e            E709 no␊host [red]",
    ]


def test_live_progress_ends_with_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    told(LiveProgress(PLAIN, 5))
    said = capsys.readouterr().out
    assert "done     a.b/c    1.25 s  rows 12,345" in said
    assert "E709 no␊host [red]" in said
    assert "\x1b[2J" not in said


def test_a_screen_that_fails_does_not_stop_the_run() -> None:
    def broken(line: str) -> None:
        raise OSError(28, "No space left on device")

    told(Progress(broken, PLAIN))


def test_the_end_of_a_run_names_what_was_lost_and_the_way_on() -> None:
    result = RunResult(
        "id", "failed", (Finished("a.b/c", Action.RUN, 1.0, {}),), {"a.b/d": ()},
        {"c.d/x": "a.b/d", "c.d/y": "a.b/d", "e.f/z": "a.b/d"}, (), 2.0,
    )  # fmt: skip
    assert end_lines(result, PLAIN, "stackc apply s.yaml") == [
        "Failed after 2.00 s: 1 failed, 3 skipped, 1 run",
        "Skipped because of a.b/d: c.d, e.f",
        "What finished is kept; to go on from there: stackc apply s.yaml",
    ]


def test_tables_align_wide_text_and_cut_long_text() -> None:
    lines = table(("a", "b"), [["日本", "1"], ["x" * 99, "22"]], PLAIN, right=(1,), widest=10)
    assert {cells(line) for line in lines} == {2 + 10 + 2 + 2}
    assert "…" in lines[2]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (True, "yes"), (1234567, "1,234,567"), (0.5, "0.5000"), (1e-9, "1e-09"),
     (float("nan"), "nan"), (float("inf"), "inf"), ("text", "text"), (2e12, "2e+12")],
)  # fmt: skip
def test_numbers_are_short(value: Any, shown: str) -> None:
    assert number(value) == shown


def test_durations_and_sizes_are_short() -> None:
    assert [seconds(x) for x in (0, 59.94, 61, 3725)] == [
        "0.00 s",
        "59.9 s",
        "1 min 1 s",
        "1 h 2 min",
    ]
    assert [size(x) for x in (0, 1023, 1024, 5 << 40)] == ["0 B", "1023 B", "1.0 kB", "5,120.0 GB"]


def test_of_very_many_blocks_the_first_are_listed() -> None:
    read = ReadFiles("s.csv", "csv", ())
    made = (("table", TableType(())),)
    nodes = [Node(f"sources.s{n:03}/ingest", read, (), made) for n in range(250)]
    lines = graph_lines(Graph(ordered(nodes)), {}, PLAIN)
    assert len(lines) == 200 + 4
    assert lines[0] == "stack: 250 nodes in 250 blocks"
    assert lines[-2] == "  … and 50 more"
