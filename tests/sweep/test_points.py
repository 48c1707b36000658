"""Points: what a multirun stands for is what Hydra's own sweeper makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from compiler.load.points import MAX_POINTS, Point, points_of
from tests.load.helpers import finding_of, findings_of, write

SPEC = {"stack.yaml": "stackc: 1\nname: s\n"}


def points(*arguments: str) -> tuple[Point, ...]:
    """The points of arguments that look into no group."""
    return points_of(Path("stack.yaml"), arguments)


def hydras(*arguments: str) -> list[list[str]]:
    """What Hydra's own sweeper makes of the same arguments."""
    parsed = OverridesParser.create().parse_overrides(list(arguments))
    (batch,) = BasicSweeper.split_arguments(parsed, None)
    return batch


@pytest.mark.parametrize(
    "arguments",
    [
        ("a=1,2,3",),
        ("a=1,2", "b=x,y", "c=3"),
        ("a=choice(x,y)", "b=range(1,9,2)"),
        ("a=range(4)", "+new.key=1,2", "~gone"),
        ("a=range(1.0,2.0,0.25)",),
        ("a=range(5,0,-2)",),
        ("a=sort(3,1,2)", "b=sort(3,1,2,reverse=true)"),
        ("a=sort(choice(b,c,a))",),
        ("a=tag(t1,choice(1,2))",),
        ("a=int(choice(1.0,2.0))", "b=float(range(1,3))"),
        ("a=[1,2],[3]", "b={x:1},{x:2}"),
        ("a='x,y','z'", 'b="it\'s",plain'),
        ("group@pkg=one,two", "++forced=null,true"),
        ("a=1,2", "a=3,4", "b=5"),
        ("a=1",),
        (),
    ],
    ids=" ".join,
)
def test_points_are_those_of_hydras_sweeper(arguments: tuple[str, ...]) -> None:
    ours = [list(point.overrides) for point in points(*arguments)]
    theirs = hydras(*arguments)
    parsed = [OverridesParser.create().parse_overrides(one) for one in (*ours, *theirs)]
    values = [[(o.get_key_element(), o.value()) for o in one] for one in parsed]
    assert values[: len(ours)] == values[len(ours) :]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b.c", "+d", "e@f"]),
            st.lists(st.integers(-99, 99), min_size=1, max_size=4),
        ),
        max_size=4,
    )
)
def test_the_product_is_hydras_whatever_the_arguments(axes: list[tuple[str, list[int]]]) -> None:
    arguments = [f"{key}={','.join(map(str, values))}" for key, values in axes]
    assert [list(p.overrides) for p in points(*arguments)] == hydras(*arguments)


def test_points_count_from_one_and_the_last_argument_changes_fastest() -> None:
    found = points("a=1,2", "c=7", "b=x,y")
    assert [point.number for point in found] == [1, 2, 3, 4]
    assert [dict(point.choices) for point in found] == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_a_shuffled_sweep_has_the_same_order_each_time() -> None:
    """A point keeps its number, or an interrupted sweep would be another one."""
    once = points("a=shuffle(range(1,20))")
    assert once == points("a=shuffle(range(1,20))")
    values = [dict(point.choices)["a"] for point in once]
    assert sorted(values) == list(range(1, 20)) != values


def test_a_glob_names_options_of_a_group(tmp_path: Path) -> None:
    options = {f"conf/experiment/{name}.yaml": "{}\n" for name in ("wide", "deep", "wider")}
    spec = write(tmp_path, SPEC | options)
    found = points_of(spec, ["+experiment=glob([w*,d*],exclude=wider)"])
    assert [point.overrides for point in found] == [("+experiment=deep",), ("+experiment=wide",)]


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("a=interval(0,1)", "the values of an interval cannot be counted"),
        ("a=glob(*)", "there is no config group `a` to look into"),
        ("a=range(3,1)", "this names no value"),
        ("a=range(1,4,0)", "steps that are not 0"),
        ("a=range(1,inf)", "one number to another"),
        (f"a=range({MAX_POINTS + 1})", "more than 1,000 values"),
        ("a=" + ",".join(map(str, range(MAX_POINTS + 1))), "more than 1,000 values"),
        ("~a=1,2", "a deletion has no values"),
    ],
)
def test_what_cannot_be_counted_is_refused_at_its_place(argument: str, says: str) -> None:
    (finding,) = findings_of(lambda: points("b=1,2", argument))
    assert finding.code.value == "E116"
    assert says in finding.message
    assert finding.span is not None
    assert finding.span.column == len("stackc … stack.yaml b=1,2 ") + 1


def test_too_many_points_are_refused_before_any_is_made() -> None:
    assert finding_of(lambda: points("a=range(1000)", "b=range(1000)", "c=range(1000)")) == (
        "E116",
        "1:21",
    )


def test_all_bad_arguments_are_told_at_once() -> None:
    found = findings_of(lambda: points("a==", "b=interval(0,1)", "c=1,2", "d"))
    assert [finding.code.value for finding in found] == ["E108", "E116", "E108"]
