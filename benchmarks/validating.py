"""Validation against a hand-fused DuckDB query, and profiling against whylogs on pandas."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from backends.duckdb.validate import validate
from benchmarks.measure import ROOT, Result, process, timed
from benchmarks.tables import FLOATS, INTEGERS, TEXTS, write_wide
from benchmarks.tasks import THREADS, artifact, context, table
from compiler.backend import Artifact
from compiler.graph.operations import Profile, Rule, Validate, params
from compiler.graph.types import TableType

TYPES = {
    "id": "int64",
    **dict.fromkeys(FLOATS, "float64"),
    **dict.fromkeys(INTEGERS, "int64"),
    **dict.fromkeys(TEXTS, "string"),
}
PROFILED = 100_000
"""Rows that whylogs on pandas is given: its rate does not depend on their number."""


def rules() -> tuple[Rule, ...]:
    """Twenty rules of the kinds that specs have."""
    null = [Rule(f"{c} is there", "not_null", (c,), ()) for c in ("id", "x0", "n0", "s0")]
    low = [
        Rule(f"{c} in bounds", "between", (c,), params({"low": 0, "high": 1000}))
        for c in (*FLOATS[:6], *INTEGERS[:4])
    ]
    text = [Rule(f"{c} fits", "matches", (c,), params({"pattern": "^v[0-9]+$"})) for c in TEXTS]
    free = [
        Rule("sum", "expression", ("x0", "x1"), params({"sql": "x0 + x1 >= 0"})),
        Rule("rows", "row_count", (), params({"min": 1, "max": None})),
    ]
    return (*null, *low, *text, *free)


def hand_fused(path: Path) -> str:
    """The same rules as one query, the way one would write it."""
    null = [f"count(*) filter ({c} is null)" for c in ("id", "x0", "n0", "s0")]
    low = [f"count(*) filter (not {c} between 0 and 1000)" for c in (*FLOATS[:6], *INTEGERS[:4])]
    text = [f"count(*) filter (not regexp_matches({c}, '^v[0-9]+$'))" for c in TEXTS]
    free = ["count(*) filter (not x0 + x1 >= 0)", "count(*)"]
    return f"select {', '.join([*null, *low, *text, *free])} from read_parquet('{path}')"


def run(folder: Path, rows: int = 1_000_000) -> list[Result]:
    """Both on the same file with the same threads, each in a new connection."""
    path = folder / "wide.parquet"
    write_wide(path, rows)
    wide = artifact(path, table(TYPES))
    name = f"20 rules on {rows:,} × 20"
    ours, bare = timed(3, lambda: _validate(wide, folder), lambda: _bare(path))
    found = [
        Result("validation", f"{name}: hand-fused DuckDB", bare, "s"),
        Result("validation", f"{name}: stackc", ours, "s"),
        Result("validation", "stackc / hand-fused", ours / bare, "×", at_most=2.0),
    ]
    return found + _profiles(folder, wide, rows, ours)


def _validate(wide: Artifact, folder: Path) -> None:
    with context(folder) as surroundings:
        outcome = validate(Validate(rules()), {"table": wide}, surroundings)
    assert outcome.summary["broken"] == 0, outcome.summary


def _bare(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {THREADS}")
        connection.execute(hand_fused(path)).fetchall()


def _profiles(folder: Path, wide: Artifact, rows: int, validating: float) -> list[Result]:
    from backends.whylogs.profile import profile

    assert isinstance(wide.type, TableType)
    operation = Profile(wide.type.names)

    def ours() -> None:
        with context(folder) as surroundings:
            profile(operation, {"table": wide}, surroundings)

    seconds = timed(2, ours)[0] + validating
    peer = _pandas_rate(wide.path)
    rate = rows / seconds
    return [
        Result("profile", "whylogs on pandas", peer, "rows/s"),
        Result("profile", "stackc, validation and profile", rate, "rows/s", at_least=5 * peer),
    ]


_PEER = """
import os, sys, time
os.environ["WHYLOGS_NO_ANALYTICS"] = "1"
import numpy
numpy.unicode_ = numpy.str_  # its one fault on NumPy 2
import duckdb, whylogs
path, rows = sys.argv[1], int(sys.argv[2])
frame = duckdb.sql(f"select * from read_parquet('{path}') limit {rows}").df()
best = float("inf")
for _ in range(2):
    start = time.perf_counter()
    whylogs.log(frame)
    best = min(best, time.perf_counter() - start)
print(best)
"""


def _pandas_rate(path: Path) -> float:
    """Rows a second that whylogs takes from pandas, in a process without our backend."""
    done = process([sys.executable, "-W", "ignore", "-c", _PEER, str(path), str(PROFILED)], ROOT)
    return PROFILED / float(done.out.split()[-1])
