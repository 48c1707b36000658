"""What is told ahead changes when DuckDB is asked, and nothing that it answers."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pytest

from backends.duckdb.ahead import SIZE, Answers
from backends.duckdb.bind import Binder
from backends.duckdb.plans import plans
from backends.duckdb.sessions import Session, Sessions
from compiler.graph.types import Column, DataType, TableType

TABLE = TableType((Column("id", DataType("int64"), False), Column("x", DataType("float64"))))


class Question:
    """Answers with the number in a text, and notes who was asked what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def __call__(self, session: Session, texts: Sequence[str]) -> dict[str, int]:
        self.asked.append((threading.current_thread().name, [*texts]))
        asked = "SELECT t, t::INTEGER FROM unnest(?::VARCHAR[]) AS x(t)"
        known = [text for text in texts if text != "none"]
        return dict(session.execute(asked, [known]).fetchall())


def answers(question: Question) -> Answers[int]:
    return Answers(question, Sessions())


def test_many_are_asked_about_aside_in_batches() -> None:
    question = Question()
    found = answers(question)
    texts = [str(number) for number in range(2 * SIZE + 7)]
    found.ahead(texts)
    found.ahead(texts)
    assert [found.take(text) for text in reversed(texts)] == [*reversed(range(len(texts)))]
    assert [len(batch) for _, batch in question.asked] == [SIZE, SIZE, 7]
    assert {name for name, _ in question.asked} == {"duckdb_0"}


def test_few_are_asked_about_at_once_and_by_who_wants_to_know() -> None:
    question = Question()
    found = answers(question)
    found.ahead(["1", "2", "1"])
    assert (found.take("2"), found.take("1"), found.take("3")) == (2, 1, 3)
    here = threading.current_thread().name
    assert question.asked == [(here, ["1", "2"]), (here, ["3"])]


def test_what_has_no_answer_has_none() -> None:
    found = answers(Question())
    found.ahead([*map(str, range(SIZE)), "none"])
    assert found.take("none") is None
    assert found.take("5") == 5


def test_a_question_that_cannot_be_asked_fails_where_its_answer_is_wanted() -> None:
    found = answers(Question())
    found.ahead([*map(str, range(SIZE)), "no number"])
    assert found.take("5") == 5
    with pytest.raises(Exception, match="no number"):
        found.take("no number")


def test_a_binder_that_is_asked_nothing_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compile that recalls everything has a binder, too."""
    monkeypatch.setattr(duckdb, "connect", None)
    binder = Binder()
    binder.read_ahead((), ())
    binder.bind_ahead(())


def test_a_binder_that_nobody_has_is_gone_with_its_thread() -> None:
    """Editors make one at each keystroke."""
    before = {*threading.enumerate()}
    binder = Binder()
    queries = [f"select {number} as x" for number in range(SIZE)]
    binder.read_ahead(queries, ())
    assert binder.tables(queries[0]) == ()
    (thread,) = {*threading.enumerate()} - before
    gone = weakref.ref(binder)
    gc.disable()
    try:
        del binder
        assert gone() is None
        thread.join(10)
        assert not thread.is_alive()
    finally:
        gc.enable()


def test_what_is_known_is_not_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one template have one shape, and are told at different times."""
    asked: list[str] = []

    def counting(session: Session, texts: Sequence[str]) -> Mapping[str, Any]:
        asked.extend(texts)
        return plans(session, texts)

    monkeypatch.setattr("backends.duckdb.bind.plans", counting)
    binder = Binder()
    for name in ("one", "two", "three"):
        sql, tables = f"select id, x + 1 as y from {name}", {name: TABLE}
        binder.bind_ahead([(sql, tables)])
        assert [column.name for column in binder.bind(sql, tables).columns] == ["id", "y"]
    assert len(asked) == 1


def test_bound_ahead_is_bound_all_the_same() -> None:
    """Many queries, right and wrong ones, and tables that are called after no type."""
    queries = [f"select id, x * {at} as y from t where id > {at}" for at in range(SIZE)]
    queries += [f"select t.id, count(*) as n from t join u using (id) group by all having n > {at}"
                for at in range(SIZE)]  # fmt: skip
    queries += ["select nope from t", "select * from nowhere", "selec", "", "select 1; select 2"]
    tables = {"t": TABLE, "u": TABLE}
    told, untold = Binder(), Binder()
    told.read_ahead(queries, ["x > 1", "x >"])
    told.bind_ahead([(sql, tables) for sql in queries])
    for sql in queries:
        assert told.tables(sql) == untold.tables(sql)
        assert told.bind(sql, tables) == untold.bind(sql, tables)
    for text in ("x > 1", "x >"):
        assert told.expression(text, TABLE) == untold.expression(text, TABLE)
