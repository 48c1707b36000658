"""What the page says: the documents' values, the verdict, and nothing that was not escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from compiler.diagnostics import StackcError
from compiler.graph.node import Graph
from compiler.report.html import words
from compiler.report.html.charts import curve, histogram, learning, side_by_side
from compiler.report.html.render import render, write_report
from compiler.report.html.svg import ticks
from compiler.report.model import NodeView, RunView, page_of
from tests.report.sample import documents, sample
from tests.report.sample_graph import HOSTILE


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def test_nothing_of_the_user_becomes_markup() -> None:
    text = render(sample())
    page = Page(text)
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(" in text
    assert not {"script", "b", "iframe", "object", "img", "form"} & set(page.tags)
    assert not [name for name, _ in page.values if name.startswith("on")]
    assert len(set(page.ids)) == len(page.ids)


def test_the_page_is_whole_and_loads_nothing() -> None:
    text = render(sample())
    links = [value for name, value in Page(text).values if name in ("href", "src")]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "default-src 'none'" in text


def test_rows_that_were_set_aside_are_counted() -> None:
    (flights,) = [t for t in page_of(sample()).tables if t.block == "sources.flights"]
    assert flights.quarantined == 2512
    assert re.search(r"quarantined</div><div class=\"much\">2[,\u202f ]?512<", render(sample()))


def test_credentials_of_a_connection_are_left_out() -> None:
    text = render(sample())
    assert "hunter2" not in text
    assert "postgresql://…@db/w" in text


def test_the_verdict_says_what_to_look_at() -> None:
    page = page_of(sample())
    assert (page.tone, page.headline) == ("warning", "Done, with something to look at")
    assert [fact.text for fact in page.facts] == [
        "all 39 steps done",
        "1 of 3 data rules broken",
        "all 4 gates passed",
        "late_drift: drift in 2 of 4 windows",
    ]


def test_a_stack_in_which_all_holds_says_so() -> None:
    calm = {k: v for k, v in documents().items() if k[1] not in ("drift", "verdict")}
    page = page_of(replace(sample(), documents=calm))
    assert (page.tone, page.headline) == ("good", "Everything ran and holds")


def test_a_failure_is_told_first() -> None:
    run = sample()
    failed = NodeView("failed", detail=f"E713: it broke {HOSTILE}")
    nodes = {**run.nodes, "models.late/train": failed, "models.late/package": NodeView("skipped")}
    page = page_of(replace(run, nodes=nodes))
    assert (page.tone, page.headline) == ("bad", "Something needs mending")
    assert [fact.text for fact in page.facts[:3]] == [
        "37 of 39 steps done", "1 failed", "1 did not run",
    ]  # fmt: skip
    text = render(replace(run, nodes=nodes))
    assert "E713: it broke &lt;script&gt;" in text
    assert 'class="step failed"' in text


def test_a_failed_gate_and_a_blocked_table_are_bad() -> None:
    found = documents()
    found["models.late/gates", "gates"]["gates"][0]["passed"] = False
    assert page_of(replace(sample(), documents=found)).tone == "bad"
    found = documents()
    found["sources.flights/validate", "verdict"]["blocked"] = True
    assert page_of(replace(sample(), documents=found)).tone == "bad"


def test_a_stack_that_never_ran_has_a_page() -> None:
    text = render(RunView(sample().graph))
    assert "Not all of it ran" in text
    assert text.count('class="step waiting"') == 39
    assert render(RunView(Graph(())))


@pytest.mark.parametrize("missing", sorted({name for _, name in documents()}))
def test_a_missing_document_leaves_a_gap_and_no_error(missing: str) -> None:
    found = {place: value for place, value in documents().items() if place[1] != missing}
    assert render(replace(sample(), documents=found))


def test_odd_numbers_do_not_break_the_charts() -> None:
    odd = [float("nan"), float("inf"), None]
    points: Any = {"x": [0.1, *odd, 0.2], "y": [0.1, *odd, 0.1]}
    for kind in ("roc", "residuals", "of tomorrow"):
        assert "nan" not in curve(kind, points)
    assert curve("roc", {"x": [], "y": []}) == ""
    flat: Any = {"loss": [0.5, 0.5, float("nan")]}
    assert "nan" not in learning(flat)
    assert histogram([], [], "x") == side_by_side([], [], [], "x") == ""
    assert histogram(["a"], [0.0], "x") == ""


def test_many_windows_slices_and_runs_are_bounded() -> None:
    run = sample()
    found = documents()
    drift = found["monitors.late_drift/compare", "drift"]
    drift["windows"] = drift["windows"] * 100
    metrics = found["models.late/evaluate", "metrics"]
    metrics["slices"] = metrics["slices"] * 100
    grouping = metrics["fairness"]["groupings"][0]
    grouping.update(groups=grouping["groups"] * 100, judged=900)
    page = page_of(replace(run, documents=found, runs=list(run.runs) * 100))
    assert (len(page.monitors[0].rows), page.monitors[0].left_out) == (60, 340)
    late = next(model for model in page.models if model.block == "models.late")
    assert (len(late.slices[0].rows), late.slices[0].left_out) == (30, 670)
    assert (len(late.groups[0].rows), late.groups[0].left_out) == (30, 871)
    assert (len(page.runs), page.runs_left_out) == (50, 150)


def test_aliases_show_the_state_of_the_node_that_stands_for_them() -> None:
    run = sample()
    assert run.node("datasets.copy/query") == run.node("datasets.autumn/query")
    assert "also datasets.copy/query" in render(run)


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "report.html"
    write_report(sample(), place)
    assert place.read_text("utf-8") == render(sample())
    with pytest.raises(StackcError, match="E607"):
        write_report(sample(), tmp_path)


def test_surrogates_in_a_text_do_not_break_the_file(tmp_path: Path) -> None:
    write_report(replace(sample(), title="bad \udcff"), tmp_path / "r.html")
    assert "bad ?" in (tmp_path / "r.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (True, "True"), (0, "0"), (336776, "336,776"), (12345.678, "12,346"),
     (0.00012345, "0.0001234"), (-0.5, "-0.5"), (2.0, "2"), (1e300, "1e+300"), ("2013", "2013")],
)  # fmt: skip
def test_figures(value: Any, shown: str) -> None:
    assert words.figure(value) == shown


def test_shares_moments_and_digests() -> None:
    assert [words.share(v) for v in (0.0, 1.0, 0.00001, 0.1234, None)] == [
        "0 %", "100 %", "< 0.1 %", "12.3 %", "–",
    ]  # fmt: skip
    assert words.moment("2026-11-23T19:14:54+00:00") == "2026-11-23 19:14 UTC"
    assert words.moment("yesterday") == "yesterday"
    assert words.short("a" * 64) == "a" * 12
    assert words.example({"a": 1}) == '{"a": 1}'


def test_ticks_are_round() -> None:
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(17, 4983) == [1000, 2000, 3000, 4000]
    assert ticks(3, 3) == [3]


def test_the_smallest_of_many_bins_are_drawn_together() -> None:
    found = documents()
    column = found["monitors.late_drift/compare", "drift"]["windows"][3]["columns"][3]
    column.update(bins=[f"b{n}" for n in range(20)], reference=[0.05] * 20, current=[0.05] * 20)
    column["current"][19] = 0.5
    [monitor] = page_of(replace(sample(), documents=found)).monitors
    names, left, right = monitor.plots[0].bins
    assert len(names) == len(left) == len(right) == 14
    assert (names[-1], names[-2]) == ("7 smaller", "b19")
    assert sum(left) == pytest.approx(1)
