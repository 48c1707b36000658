"""Column lineage and nullability of SQL: what the plan tells, held against what the data does."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.duckdb.bind import Binder, BoundQuery
from compiler.graph.lineage import Flow
from compiler.graph.types import Column, DataType, TableType

FLIGHTS = TableType(
    (
        Column("origin", DataType("string"), nullable=False),
        Column("dest", DataType("string"), nullable=False),
        Column("delay", DataType("int32")),
        Column("month", DataType("int8"), nullable=False),
        Column("tail", DataType("string")),
    )
)
WEATHER = TableType(
    (Column("origin", DataType("string"), nullable=False), Column("wind", DataType("float64")))
)
TABLES = {"flights": FLIGHTS, "weather": WEATHER}
SHORT = {
    Flow.IDENTITY: "=", Flow.TRANSFORMATION: "~", Flow.AGGREGATION: "+", Flow.WINDOW: "w",
}  # fmt: skip


@pytest.fixture(scope="module")
def binder() -> Binder:
    return Binder()


def shown(bound: BoundQuery) -> dict[str, str]:
    """``=flights.delay`` is handed on, ``~`` computed, ``+`` aggregated; ``!``: never null."""
    assert bound.problems == ()
    found = {}
    for column, derived in zip(bound.columns, bound.lineage.columns, strict=True):
        origins = sorted({f"{SHORT[o.flow]}{o.input}.{o.column}" for o in derived.origins})
        found[column.name] = " ".join([*origins, *([] if column.nullable else ["!"])])
    return found


CASES = {
    "a column is handed on, renamed or not": (
        "select origin, delay as late from flights",
        {"origin": "=flights.origin !", "late": "=flights.delay"},
    ),
    "a star, with what it leaves out and replaces": (
        "select * exclude (dest, tail) replace (delay + 1 as delay) from flights",
        {"origin": "=flights.origin !", "delay": "~flights.delay", "month": "=flights.month !"},
    ),
    "columns chosen by a pattern": (
        "select columns('^(de.*)') from flights",
        {"dest": "=flights.dest !", "delay": "=flights.delay"},
    ),
    "a CTE that is read twice": (
        "with w as (select origin, avg(wind) as wind from weather group by 1) "
        "select f.delay, a.wind, b.wind - a.wind as more from flights f "
        "join w a using (origin) join w b on b.origin = f.dest",
        {"delay": "=flights.delay", "wind": "+weather.wind", "more": "+weather.wind"},
    ),
    "a left join brings nulls": (
        "select f.month, w.origin as there from flights f left join weather w using (origin)",
        {"month": "=flights.month !", "there": "=weather.origin"},
    ),
    "a full join that uses a column has it from both": (
        "select origin from flights full join weather using (origin)",
        {"origin": "~flights.origin ~weather.origin"},
    ),
    "an inner join keeps nulls out of what it compares": (
        "select a.tail, b.delay from flights a join flights b on a.tail = b.tail",
        {"tail": "=flights.tail !", "delay": "=flights.delay"},
    ),
    "a condition keeps nulls out": (
        "select delay, tail from flights where delay > 3 and length(tail) = 6",
        {"delay": "=flights.delay !", "tail": "=flights.tail !"},
    ),
    "a condition with `or` keeps none out": (
        "select delay from flights where delay > 3 or month = 1",
        {"delay": "=flights.delay"},
    ),
    "counts are never null, other aggregates of nothing are": (
        "select count(*) as n, count(delay) as d, max(month) as m, sum(delay) as s from flights",
        {"n": "!", "d": "+flights.delay !", "m": "+flights.month", "s": "+flights.delay"},
    ),
    "a group has a row, so its aggregates of what is not null are not": (
        "select origin, max(month) as m, avg(delay) as d from flights group by origin",
        {"origin": "=flights.origin !", "m": "+flights.month !", "d": "+flights.delay"},
    ),
    "grouping sets leave columns out": (
        "select origin, count(*) as n from flights group by rollup (origin)",
        {"origin": "=flights.origin", "n": "!"},
    ),
    "windows": (
        "select row_number() over (partition by tail order by month) as n, "
        "lag(delay) over (order by month) as before, "
        "sum(delay) over (partition by origin) as all_of_it from flights",
        {
            "n": "wflights.month wflights.tail !",
            "before": "+flights.delay wflights.month",
            "all_of_it": "+flights.delay wflights.origin",
        },
    ),
    "unions have the columns of all sides": (
        "select origin as x from flights union all select tail from flights",
        {"x": "=flights.origin =flights.tail"},
    ),
    "what is left of another is of the first alone": (
        "select origin from flights except select origin from weather",
        {"origin": "=flights.origin !"},
    ),
    "a subquery in the list, correlated": (
        "select (select max(w.wind) from weather w where w.origin = f.origin) as wind "
        "from flights f",
        {"wind": "+weather.wind"},
    ),
    "a subquery that only asks whether": (
        "select exists (select 1 from weather w where w.origin = f.dest) as known from flights f",
        {"known": "~flights.dest ~weather.origin"},
    ),
    "a lateral join": (
        "select f.month, l.wind from flights f, lateral "
        "(select wind from weather w where w.origin = f.origin limit 1) l",
        {"month": "=flights.month !", "wind": "=weather.wind"},
    ),
    "a recursion": (
        "with recursive r(n) as (select month from flights union all "
        "select n + 1 from r where n < 20) select n from r",
        {"n": "=flights.month ~flights.month !"},
    ),
    "lists taken apart, and lambdas": (
        "select unnest([origin, tail]) as place, "
        "list_transform([month], lambda m: m + delay) as sums from flights",
        {"place": "~flights.origin ~flights.tail", "sums": "~flights.delay ~flights.month"},
    ),
    "a whole row as a struct": (
        "select w as row, w.wind from weather w",
        {"row": "~weather.origin ~weather.wind !", "wind": "=weather.wind"},
    ),
    "columns turned into rows": (
        "select name, value from (unpivot flights on delay, month into name name value value)",
        {"name": "", "value": "~flights.delay ~flights.month !"},
    ),
    "cases": (
        "select case when delay > 9 then month else 0 end as a, "
        "case when delay > 9 then month end as b, coalesce(delay, month) as c from flights",
        {
            "a": "~flights.delay ~flights.month !",
            "b": "~flights.delay ~flights.month",
            "c": "~flights.delay ~flights.month !",
        },
    ),
    "division may be by zero, and an attempt may fail": (
        "select month / 2 as a, month % month as b, month * 2 as c, "
        "try_cast(origin as int) as d, cast(month as double) as e from flights",
        {
            "a": "~flights.month", "b": "~flights.month", "c": "~flights.month !",
            "d": "~flights.origin", "e": "~flights.month !",
        },
    ),
    "rows without a table": ("select * from (values (1, null)) t(a, b)", {"a": "!", "b": ""}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_where_columns_come_from(binder: Binder, name: str) -> None:
    sql, expected = CASES[name]
    bound = binder.bind(sql, TABLES)
    assert shown(bound) == expected
    assert bound.lineage.known


@pytest.mark.parametrize("sql", ["select people.x from people", "select x from people"])
def test_one_binder_is_asked_about_tables_that_change(binder: Binder, sql: str) -> None:
    """The points of a sweep share it: a name may stand for another table in the next one."""
    kinds = [Column("x", DataType("int64")), Column("x", DataType("string"), nullable=False)]
    for column in (*kinds, *kinds):
        assert binder.bind(sql, {"people": TableType((column,))}).columns == (column,)


def test_each_mention_of_a_table_is_one_of_its_own(binder: Binder) -> None:
    """Two columns of one mention are of one row; those of two are not."""
    sql = (
        "select a.delay, a.month, b.delay as other from flights a "
        "join flights b on a.month = b.month + 1"
    )
    mentions = [derived.origins[0].scan for derived in binder.bind(sql, TABLES).lineage.columns]
    assert mentions[0] == mentions[1] != mentions[2]


def test_what_decides_about_rows_is_told_apart(binder: Binder) -> None:
    sql = (
        "select f.delay from flights f join weather w on f.origin = w.origin "
        "where month > 3 order by tail limit 5"
    )
    found = {(o.input, o.column, o.flow) for o in binder.bind(sql, TABLES).lineage.rows}
    assert found == {
        ("flights", "origin", Flow.JOIN),
        ("weather", "origin", Flow.JOIN),
        ("flights", "month", Flow.FILTER),
        ("flights", "tail", Flow.SORT),
    }


@pytest.mark.parametrize(
    ("having", "size"),
    [
        ("count(*) >= 10", 10), ("count(*) > 10", 11), ("10 <= count(*)", 10),
        ("count(*) >= 10 and sum(month) > 3", 10), ("count(*) >= 5 and count(*) >= 20", 20),
        ("count(*) >= 10 or true", 0), ("count(distinct tail) >= 10", 0), ("count(tail) >= 3", 0),
        ("count(*) filter (where month = 1) >= 10", 0), ("count(*) <= 10", 0),
        ("not count(*) >= 10", 0), ("count(month) >= 10", 10),
    ],
)  # fmt: skip
def test_groups_that_are_large_enough(binder: Binder, having: str, size: int) -> None:
    """Only a bound that certainly holds counts; ``max`` shows a single row's value anyhow."""
    sql = f"select avg(delay) as d, max(delay) as m from flights group by dest having {having}"
    mean, most = binder.bind(sql, TABLES).lineage.columns
    assert [t.size for o in mean.origins for t in o.treatments] == ([size] if size else [])
    assert all(not origin.treatments for origin in most.origins)


def test_groups_are_large_enough_in_a_cte_too(binder: Binder) -> None:
    sql = (
        "with g as (select origin, avg(delay) as d, count(*) as n from flights group by 1) "
        "select g.d + 1 as d from g where n >= 15"
    )
    (derived,) = binder.bind(sql, TABLES).lineage.columns
    assert [(t.kind, t.size) for t in derived.origins[0].treatments] == [("aggregate", 15)]


def test_a_place_is_the_expression_as_it_was_written(binder: Binder) -> None:
    sql = "select month, 'ä' || origin as o, round(delay / 2) as half from flights"
    found = [d.place.within for d in binder.bind(sql, TABLES).lineage.columns if d.place]
    texts = [sql[w.offset : w.offset + w.length] for w in found if w]
    assert texts == ["month", "'ä' || origin", "round(delay / 2)"]


# What the plan says is held against what DuckDB does: nothing said never to be null is, and a
# column that nothing was said to come from may change as it likes.

T = TableType(
    (
        Column("a", DataType("int32"), nullable=False),
        Column("b", DataType("int32")),
        Column("c", DataType("string")),
    )
)
U = TableType((Column("a", DataType("int32"), nullable=False), Column("d", DataType("float64"))))
BOTH = {"t": T, "u": U}


class Writer:
    """SELECTs of many shapes over ``t`` and ``u``; by a seed, for strategies repeat themselves."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names = ["t.a", "t.b"]

    def one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def number(self, depth: int = 2) -> str:
        """An expression of numbers."""
        if depth == 0 or self.random.random() < 0.3:
            return self.one(*self.names, *self.names, "0", "1", "7", "null")
        x, y, z = (self.number(depth - 1) for _ in range(3))
        return self.one(
            f"({x} {self.one(*'+-*/%')} {y})",
            f"coalesce({x}, {y})",
            f"nullif({x}, {y})",
            f"greatest({x}, {y})",
            f"case when {x} > {y} then {z} else {y} end",
            f"case when {x} > 2 then {y} end",
            f"cast({x} as double)",
            f"try_cast(cast({x} as varchar) as tinyint)",
            f"abs({x})",
        )

    def condition(self, depth: int = 2) -> str:
        """A condition on one row."""
        if depth == 0 or self.random.random() < 0.4:
            return self.one(
                "true",
                f"{self.number(1)} {self.one('>', '<=', '=', '<>')} {self.number(1)}",
                f"{self.one(*self.names)} is not null",
                f"{self.one(*self.names)} in (1, 2, null)",
                f"{self.number(1)} between 0 and 3",
            )
        x, y = (self.condition(depth - 1) for _ in range(2))
        return self.one(f"({x} and {y})", f"({x} or {y})", f"not ({x})")

    def plain(self, source: str = "t") -> str:
        x, y = self.number(), self.number()
        return f"select {x} as x, {y} as y, t.c as z from {source} where {self.condition()}"

    def join(self) -> str:
        how = self.one("join", "left join", "right join", "full join", "semi join")
        self.names += [] if how == "semi join" else ["u.a", "u.d"]
        on = self.one("t.a = u.a", "t.b = u.a", "t.a < u.a and t.b = u.d", "t.b + 1 = u.a")
        return self.plain(f"t {how} u on {on}")

    def group(self) -> str:
        shape = self.one("b", "rollup (b)", "grouping sets ((b), ())")
        having = self.one("true", "count(*) > 1", "max(a) > 2")
        return (
            f"select b as x, sum({self.number()}) as y, count(b) as z, min(a) as w "
            f"from t where {self.condition()} group by {shape} having {having}"
        )

    def window(self) -> str:
        return (
            f"select lag({self.number()}) over (partition by c order by a) as x, rank() over "
            f"(order by {self.number()}) as y, max(a) over (partition by b) as z from t"
        )

    def union(self) -> str:
        return f"{self.plain()} union all select d, a, null from u"

    def shared(self) -> str:
        return f"with q as ({self.plain()}) select p.x, q.y, p.z from q join q p on p.y = q.y"

    def subqueries(self) -> str:
        return (
            "select b in (select a from u) as x, (select max(d) from u where u.a = t.a) as y "
            f"from t where {self.condition()}"
        )

    def query(self) -> str:
        shapes = (self.plain, self.join, self.group, self.window, self.union, self.shared,
                  self.subqueries)  # fmt: skip
        return self.random.choice(shapes)()


class World:
    """Rows for both tables: half of what may be null is, and few values, so that joins match."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        number = partial(self.random.randrange, 4)
        self.rows: dict[str, list[list[Any]]] = {
            "t": [[number(), self.maybe(number()), self.maybe("pq"[at % 2])] for at in range(7)],
            "u": [[number(), self.maybe(number() / 2)] for _ in range(5)],
        }

    def maybe(self, value: Any) -> Any:
        return value if self.random.random() < 0.5 else None

    def shuffle(self, table: str, at: int) -> None:
        """Give each row another row's value of one column."""
        values = [row[at] for row in self.rows[table]]
        self.random.shuffle(values)
        for row, value in zip(self.rows[table], values, strict=True):
            row[at] = value

    def answer(self, sql: str) -> list[tuple[Any, ...]] | None:
        """What DuckDB answers; None where it refuses the data."""
        columns = {"t": "a int not null, b int, c varchar", "u": "a int not null, d double"}
        for table, rows in self.rows.items():
            values = ", ".join(str(tuple(row)).replace("None", "null") for row in rows)
            DUCKDB.execute(f"create or replace table {table} ({columns[table]})")
            DUCKDB.execute(f"insert into {table} values {values}")
        try:
            return DUCKDB.execute(sql).fetchall()
        except duckdb.Error:
            return None


BINDER, DUCKDB = Binder(), duckdb.connect(config={"threads": 1})


@settings(max_examples=600)
@given(st.integers(0, 1 << 30))
def test_what_the_plan_says_is_what_the_data_does(seed: int) -> None:
    sql, world = Writer(seed).query(), World(seed)
    bound = BINDER.bind(sql, BOTH)
    assert bound.problems == ()
    found = world.answer(sql)
    if found is None:
        return
    for at, column in enumerate(bound.columns):
        assert column.nullable or all(row[at] is not None for row in found), column
    name, at = world.random.choice([("t", 0), ("t", 1), ("t", 2), ("u", 0), ("u", 1)])
    changed = (name, BOTH[name].columns[at].name)
    if any((o.input, o.column) == changed for o in bound.lineage.rows):
        return
    world.shuffle(name, at)
    other = world.answer(sql)
    for at, derived in enumerate(bound.lineage.columns):
        if other is not None and all((o.input, o.column) != changed for o in derived.origins):
            before, after = ([repr(r[at]) for r in result] for result in (found, other))
            assert sorted(before) == sorted(after), derived
