"""Sweeps in the report: every point a row, the best first, and a line across the scales."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from compiler.report.html.parallel import BOTTOM, TOP, Line, Upright, parallel
from compiler.report.html.render import render
from compiler.report.model import page_of
from compiler.report.page_sweeps import MOST_POINTS
from compiler.sweep.table import sweep_table
from tests.report.sample import sample, sweep


def picture(*columns: tuple[Any, ...]) -> str:
    """The picture of these values, a scale for each column."""
    uprights = [Upright(f"u{n}", values) for n, values in enumerate(columns)]
    count = len(columns[0]) if columns else 0
    lines = [Line(f"point {n}", 1 - n / max(count - 1, 1)) for n in range(count)]
    return str(parallel("a sweep", uprights, lines))


def heights(drawn: str) -> list[list[float]]:
    """For each line, the best first, its height at each scale."""
    ways = re.findall(r'<path class="way[^>]* d="M([^"]*)"', drawn)
    return [[float(p.split()[1]) for p in way.split("L")] for way in reversed(ways)]


def test_a_sweep_is_told_point_by_point() -> None:
    (found,) = page_of(sample()).sweeps
    assert (found.number, found.done, found.failed) == (7, 3, 1)
    assert [point.number for point in found.points] == [3, 2, 1, 4]
    assert (found.by, found.better) == ("late.roc_auc", "higher")
    assert found.keys == ("max_depth", "experiment")
    assert [upright.name for upright in found.uprights] == [*found.keys, *found.metrics]
    assert [upright.remark for upright in found.uprights][-1] == "lower is better"
    assert [line.name for line in found.lines] == ["point 3", "point 2", "point 1"]


def test_the_page_says_how_each_point_went() -> None:
    text = render(sample())
    section = text[text.index('<section id="sweeps">') :].partition("</section>")[0]
    assert "3 of 4 points done, 1 failed" in section
    assert section.count("<path class=") == 3
    assert "missed</span> late: roc_auc &gt;= 0.7" in section
    assert "failed</span> E706 &lt;script" in section
    assert 'href="#sweeps"' in text


def test_a_stack_without_sweeps_has_no_such_section() -> None:
    assert 'id="sweeps"' not in render(replace(sample(), sweeps=()))


def test_of_many_points_the_best_are_shown() -> None:
    one = sweep().table.points[0]
    many = [replace(one, number=n) for n in range(1, MOST_POINTS + 6)]
    view = replace(sweep(), table=sweep_table(many))
    (found,) = page_of(replace(sample(), sweeps=(view,))).sweeps
    assert (len(found.points), found.left_out, found.done) == (MOST_POINTS, 5, MOST_POINTS + 5)
    assert "5 more points are left out" in render(replace(sample(), sweeps=(view,)))


def test_a_line_goes_through_its_values() -> None:
    drawn = heights(picture((1, 2, 3), ("x", "y", "x")))
    assert [line[0] for line in drawn] == [BOTTOM, (TOP + BOTTOM) / 2, TOP]
    assert drawn[0][1] == drawn[2][1] != drawn[1][1]


def test_magnitudes_stand_equally_far_apart() -> None:
    drawn = [line[0] for line in heights(picture((0.01, 0.1, 1.0), (1, 2, 3)))]
    assert drawn[0] - drawn[1] == pytest.approx(drawn[1] - drawn[2], abs=0.2)


def test_one_point_or_one_scale_is_no_picture() -> None:
    assert picture((1,), (2,)) == ""
    assert picture((1, 2)) == ""
    assert picture() == ""


VALUES = st.one_of(
    st.integers(-(10**30), 10**30),
    st.just(10**400),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30),
    st.lists(st.integers(0, 9), max_size=3),
)


@given(
    st.integers(2, 6).flatmap(
        lambda count: st.lists(
            st.lists(VALUES, min_size=count, max_size=count).map(tuple), min_size=2, max_size=4
        )
    )
)
def test_whatever_the_values_each_point_is_a_line_inside_the_picture(
    columns: list[tuple[Any, ...]],
) -> None:
    drawn = picture(*columns)
    ElementTree.fromstring(drawn)
    found = heights(drawn)
    assert len(found) == len(columns[0])
    for line in found:
        assert len(line) == len(columns)
        assert all(math.isfinite(y) and TOP - 0.1 <= y <= BOTTOM + 0.1 for y in line)
