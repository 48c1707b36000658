"""What every backend of the capability ``query`` must do."""

from __future__ import annotations

import hmac
import math
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.backend import Backend, Outcome
from compiler.diagnostics import StackcError
from compiler.engine.secrets import Secrets
from compiler.graph.operations import (
    Clean,
    CleanStep,
    Quarantine,
    Query,
    Rule,
    Scalar,
    Split,
    Validate,
    params,
)
from tests.house.tables import Rows, context, digest_of, document, rows_of, run_step, table

PEOPLE: Rows = [
    {"id": 1, "age": 33, "pay": 10.5, "city": "Oslo"},
    {"id": 2, "age": None, "pay": 20.0, "city": "Bergen"},
    {"id": 3, "age": 130, "pay": math.nan, "city": None},
    {"id": 3, "age": 41, "pay": None, "city": "oslo"},
    {"id": None, "age": 7, "pay": -1.0, "city": ""},
]
TYPES = {"id": "int64", "age": "int32", "pay": "float64", "city": "string"}


def rule(kind: str, *columns: str, on_failure: Any = "block", **arguments: Scalar) -> Rule:
    """A rule named after its kind and columns."""
    name = f"{kind}({', '.join(columns)})"
    return Rule(name, kind, columns, params(arguments), on_failure=on_failure)


class TableSuite:
    """Inherit it, and set ``backend``; ``group`` is how many rows a row group has."""

    backend: Backend
    group: int | None = None

    def run(self, folder: Path, operation: Any, rows: Rows = PEOPLE, **more: Any) -> Outcome:
        """Run an operation over a table of people, called ``table`` or ``t``."""
        types = more.pop("types", None) or TYPES
        made = table(folder / "in" / "table.parquet", rows, self.group, **types)
        name = "t" if isinstance(operation, Query) else "table"
        return run_step(
            self.backend,
            operation,
            {name: made, **more.pop("others", {})},
            context(folder, **more),
        )

    def refused(self, folder: Path, operation: Any, **more: Any) -> tuple[str, str]:
        """The code and all text of the finding that a run ends with."""
        with pytest.raises(StackcError) as caught:
            self.run(folder, operation, **more)
        found = caught.value.diagnostics[0]
        return found.code.value, " ".join((found.message, *found.help, *found.notes))

    # Query

    def test_a_query_keeps_the_tables_order(self, tmp_path: Path) -> None:
        made = self.run(tmp_path, Query("select id, age from t where city is not null"))
        assert [row["age"] for row in rows_of(made.files["table"])] == [33, None, 41, 7]

    def test_a_query_may_end_in_a_semicolon_and_a_comment(self, tmp_path: Path) -> None:
        made = self.run(tmp_path, Query("select id from t; -- the end"))
        assert made.summary["rows"] == 5

    def test_sums_of_whole_numbers_are_whole_numbers(self, tmp_path: Path) -> None:
        made = self.run(tmp_path, Query("select sum(age) as s, null as n from t"))
        assert rows_of(made.files["table"]) == [{"s": 211, "n": None}]

    @pytest.mark.parametrize(
        "sql",
        [
            "select * from t",
            "select id, pay * 2 as double from t where id % 3 = 0",
            "select city, sum(pay) as s, any_value(id) as i, list(age) as l from t group by city",
            "select distinct city from t",
            "select a.id, b.pay from t a join t b using (city) where b.id % 97 = 0",
            "select id, row_number() over () as n, sum(pay) over (partition by city) as s from t",
            "select * from t order by city limit 500",
        ],
    )
    def test_any_number_of_threads_writes_the_same_bytes(self, tmp_path: Path, sql: str) -> None:
        big = [
            {"id": i, "age": i % 90, "pay": (i * 37 % 1000) / 7, "city": f"c{i * 7919 % 50}"}
            for i in range(40_000)
        ]
        made = table(tmp_path / "big.parquet", big, None, **TYPES)
        digests = {
            digest_of(
                run_step(
                    self.backend, Query(sql), {"t": made}, context(tmp_path, threads=threads)
                ).files["table"]
            )
            for threads in (1, 2, 4, 2, 1)
        }
        assert len(digests) == 1

    def test_a_value_that_cannot_be_cast_is_a_finding(self, tmp_path: Path) -> None:
        code, text = self.refused(tmp_path, Query("select cast(city as integer) as c from t"))
        assert code == "E710"
        assert "Oslo" in text

    def test_private_values_stay_out_of_messages(self, tmp_path: Path) -> None:
        query = Query("select cast(city as integer) as c from t")
        code, text = self.refused(tmp_path, query, types={**TYPES, "city": "string#pii"})
        assert code == "E710"
        assert "Oslo" not in text

    # Clean

    def test_cleaning_steps_work_in_order(self, tmp_path: Path) -> None:
        rows: Rows = [
            {"id": 1, "age": 300, "pay": math.nan, "city": " Oslo\t"},
            {"id": 1, "age": 2, "pay": 1.0, "city": "x"},
            {"id": None, "age": None, "pay": -5.0, "city": None},
            {"id": None, "age": 1, "pay": 0.0, "city": "y"},
        ]
        steps = (
            CleanStep("trim", ("city",)),
            CleanStep("drop_duplicates", ("id",)),
            CleanStep("fill_null", ("age", "city"), params({"age": 0, "city": "?"})),
            CleanStep("clip", ("age", "pay"), params({"age": "[null, 100]", "pay": "[0, null]"})),
            CleanStep("cast", ("age",), params({"age": "string"})),
        )
        found = rows_of(self.run(tmp_path, Clean(steps), rows).files["table"])
        assert [list(row) for row in found] == [["id", "age", "pay", "city"]] * 2
        assert math.isnan(found[0].pop("pay"))
        assert found == [
            {"id": 1, "age": "100", "city": "Oslo"},
            {"id": None, "age": "0", "pay": 0.0, "city": "?"},
        ]

    def test_a_column_that_is_dropped_is_gone(self, tmp_path: Path) -> None:
        steps = (CleanStep("drop", ("age", "city")), CleanStep("drop_duplicates", ("id",)))
        found = rows_of(self.run(tmp_path, Clean(steps)).files["table"])
        assert [*found[0]] == ["id", "pay"]

    def test_a_hash_is_an_hmac_of_the_value_as_text(self, tmp_path: Path) -> None:
        """By the standard library's own; a key longer than a block is hashed first."""
        key = "a key that is longer than a block of the hash, which is sixty-four bytes of it"
        step = CleanStep("hash", ("city", "age"), params({"key": "${secret:KEY}"}))
        (tmp_path / ".stackc-secrets").mkdir()
        (tmp_path / ".stackc-secrets" / "KEY").write_text(key)
        secret = Secrets(tmp_path).resolve
        made = self.run(tmp_path, Clean((step,)), secret=secret)
        found = rows_of(made.files["table"])

        def hashed(value: object) -> str | None:
            text = str(value).encode()
            return None if value is None else hmac.new(key.encode(), text, "sha256").hexdigest()

        assert [row["city"] for row in found] == [hashed(row["city"]) for row in PEOPLE]
        assert [row["age"] for row in found] == [hashed(row["age"]) for row in PEOPLE]

    def test_a_hash_without_its_key(self, tmp_path: Path) -> None:
        step = CleanStep("hash", ("city",), params({"key": "${secret:NOT_SET}"}))
        code, said = self.refused(tmp_path, Clean((step,)), secret=Secrets(tmp_path).resolve)
        assert (code, "NOT_SET" in said) == ("E708", True)

    def test_values_are_truncated(self, tmp_path: Path) -> None:
        at = datetime(2024, 5, 17, 13, 45, tzinfo=UTC)
        rows: Rows = [
            {"zip": "12345", "day": at.date(), "at": at},
            dict.fromkeys(("zip", "day", "at")),
        ]
        step = CleanStep(
            "truncate", ("zip", "day", "at"), params({"zip": 3, "day": "year", "at": "hour"})
        )
        types = {"zip": "string", "day": "date", "at": "timestamptz"}
        found = rows_of(self.run(tmp_path, Clean((step,)), rows, types=types).files["table"])
        cut = {"zip": "123", "day": date(2024, 1, 1), "at": at.replace(minute=0)}
        assert found == [cut, dict.fromkeys(("zip", "day", "at"))]

    def test_values_are_put_into_buckets(self, tmp_path: Path) -> None:
        """By a width the lower end, below zero too; by edges which one."""
        step = CleanStep("bucket", ("age", "pay"), params({"age": "10", "pay": "[0, 10.5]"}))
        rows: Rows = [
            {"id": 1, "age": age, "pay": pay, "city": None}
            for age, pay in ((33, -1.0), (-7, 0.0), (None, 10.5), (-10, math.nan), (0, None))
        ]
        found = rows_of(self.run(tmp_path, Clean((step,)), rows).files["table"])
        assert [row["age"] for row in found] == [30, -10, None, -10, 0]
        assert [row["pay"] for row in found] == ["<0", "0-10.5", ">=10.5", None, None]

    # Validate

    def test_rules_count_the_rows_that_break_them(self, tmp_path: Path) -> None:
        rules = (
            rule("not_null", "age"),
            rule("unique", "id"),
            rule("between", "age", low=10, high=100),
            rule("between", "pay", low=0, high=None),
            rule("in_set", "city", values='["Oslo", "Bergen"]'),
            rule("matches", "city", pattern="^[A-Z]"),
            rule("expression", sql="age < 100 -- years"),
            rule("row_count", min=6, max=None),
        )
        verdict = document(self.run(tmp_path, Validate(rules)).files["verdict"])
        assert [r["broken"] for r in verdict["rules"]] == [1, 1, 2, 2, 2, 2, 1, 1]
        assert verdict["rows"] == 5
        assert verdict["blocked"] is True
        examples = {r["name"]: r["examples"] for r in verdict["rules"]}
        assert examples["between(age)"] == [130, 7]
        assert examples["between(pay)"] == ["nan", -1.0]
        assert examples["not_null(age)"] == ["row 2"]
        assert examples["unique(id)"] == [3]

    def test_a_rule_tolerates_its_share(self, tmp_path: Path) -> None:
        for tolerance, passed in ((0.2, True), (0.19, False)):
            held = Rule("r", "not_null", ("age",), (), tolerance)
            verdict = document(self.run(tmp_path, Validate((held,))).files["verdict"])
            assert verdict["rules"][0]["passed"] is passed

    def test_references_look_into_the_other_table(self, tmp_path: Path) -> None:
        cities = table(tmp_path / "c.parquet", [{"name": "Oslo"}, {"name": None}], name="string")
        held = rule("references", "city", input="cities", column="name")
        made = self.run(tmp_path, Validate((held,)), others={"cities": cities})
        assert document(made.files["verdict"])["rules"][0]["broken"] == 3

    def test_old_data_is_not_fresh(self, tmp_path: Path) -> None:
        rows: Rows = [{"day": "2020-01-01 10:00:00"}, {"day": None}]
        types = {"day": "string"}
        made = self.run(tmp_path, Query("select day::timestamp as day from t"), rows, types=types)
        aged = table(tmp_path / "x.parquet", [], day="timestamp")
        old = type(aged)(made.files["table"], "", aged.type)
        for age, broken in ((3600, 1), (10**10, 0)):
            held = rule("freshness", "day", max_age_s=age)
            judged = run_step(self.backend, Validate((held,)), {"table": old}, context(tmp_path))
            assert document(judged.files["verdict"])["rules"][0]["broken"] == broken

    # Quarantine

    def test_quarantine_sets_broken_rows_aside_and_names_their_rules(self, tmp_path: Path) -> None:
        rules = (
            rule("between", "age", low=0, high=120, on_failure="quarantine"),
            rule("unique", "id", on_failure="quarantine"),
        )
        made = self.run(tmp_path, Quarantine(rules))
        accepted, aside = rows_of(made.files["accepted"]), rows_of(made.files["quarantined"])
        assert [row["id"] for row in accepted] == [1, 2, None]
        assert [row["_rules"] for row in aside] == ["between(age)", "unique(id)"]
        assert list(accepted[0]) == list(TYPES)
        assert (made.summary["rows"], made.summary["quarantined"]) == (3, 2)

    def test_within_its_tolerance_a_rule_sets_nothing_aside(self, tmp_path: Path) -> None:
        for tolerance, aside in ((0.2, 0), (0.19, 1)):
            held = Rule("r", "not_null", ("age",), (), tolerance, "quarantine")
            assert self.run(tmp_path, Quarantine((held,))).summary["quarantined"] == aside

    def test_without_broken_rows_the_accepted_table_is_the_table(self, tmp_path: Path) -> None:
        held = rule("between", "age", low=0, high=200, on_failure="quarantine")
        made = self.run(tmp_path, Quarantine((held,)))
        assert digest_of(made.files["accepted"]) == digest_of(tmp_path / "in" / "table.parquet")
        assert rows_of(made.files["quarantined"]) == []

    def test_rows_without_a_counterpart_are_set_aside(self, tmp_path: Path) -> None:
        cities = table(tmp_path / "c.parquet", [{"name": "Oslo"}, {"name": None}], name="string")
        held = rule("references", "city", input="cities", column="name", on_failure="quarantine")
        made = self.run(tmp_path, Quarantine((held,)), others={"cities": cities})
        assert [row["id"] for row in rows_of(made.files["accepted"])] == [1, 3]

    def test_a_verdict_shows_no_private_values(self, tmp_path: Path) -> None:
        held = rule("in_set", "city", values='["Bergen"]')
        made = self.run(tmp_path, Validate((held,)), types={**TYPES, "city": "string#pii"})
        assert document(made.files["verdict"])["rules"][0]["examples"] == [
            "row 1",
            "row 4",
            "row 5",
        ]

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(data=st.data())
    def test_rules_agree_with_a_naive_reading(self, tmp_path: Path, data: Any) -> None:
        value = st.one_of(st.none(), st.integers(-3, 3))
        real = st.one_of(st.none(), st.sampled_from([-1.5, 0.0, -0.0, 2.5, math.nan, math.inf]))
        text = st.one_of(st.none(), st.sampled_from(["", "a", "ab", "é", "A'b", "\n"]))
        row = st.fixed_dictionaries({"id": value, "age": value, "pay": real, "city": text})
        rows: Rows = data.draw(st.lists(row, min_size=1, max_size=12))
        low = data.draw(st.one_of(st.none(), st.integers(-2, 2)))
        high = data.draw(st.one_of(st.none(), st.sampled_from([0.5, 1, 2.5])))
        allowed = data.draw(st.lists(st.sampled_from(["a", "A'b", "", "é"]), min_size=1))
        rules = (
            rule("not_null", "id"),
            rule("unique", "id", "age"),
            rule("between", "age", low=low, high=high),
            rule("between", "pay", low=low, high=high),
            rule("in_set", "city", values=_json(allowed)),
            rule("matches", "city", pattern="a|é"),
            rule("expression", sql="age > 0 or pay > 1"),
        )
        verdict = document(self.run(tmp_path, Validate(rules), rows).files["verdict"])
        wanted = [
            sum(r["id"] is None for r in rows),
            _repeats(rows),
            sum(_outside(r["age"], low, high) for r in rows),
            sum(_outside(r["pay"], low, high) for r in rows),
            sum(r["city"] is not None and r["city"] not in allowed for r in rows),
            sum(r["city"] is not None and not re.search("a|é", r["city"]) for r in rows),
            sum(_false(r) for r in rows),
        ]
        assert [r["broken"] for r in verdict["rules"]] == wanted

    # Split

    @pytest.mark.parametrize("fractions", [(0.7, 0.3), (0.6, 0.15, 0.25), (0.5, 0.2)])
    def test_fractions_are_exact_and_parts_keep_the_order(
        self, tmp_path: Path, fractions: tuple[float, ...]
    ) -> None:
        parts = tuple(zip(("train", "validation", "test"), fractions, strict=False))
        made = self.run(tmp_path, Split(parts, seed=3), _people(1000))
        found = [[row["id"] for row in rows_of(made.files[name])] for name, _ in parts]
        assert [len(ids) for ids in found] == [round(1000 * share) for share in fractions]
        assert all(ids == sorted(ids) for ids in found)
        together = [i for ids in found for i in ids]
        assert len(set(together)) == len(together)
        assert made.summary["left_out"] == 1000 - len(together)

    def test_the_seed_decides_who_goes_where(self, tmp_path: Path) -> None:
        def train(seed: int) -> str:
            split = Split((("train", 0.5), ("test", 0.5)), seed=seed)
            return digest_of(self.run(tmp_path, split, _people(200)).files["train"])

        assert train(1) == train(1)
        assert train(1) != train(2)

    def test_strata_keep_their_shares(self, tmp_path: Path) -> None:
        rows = _people(997)
        split = Split((("train", 0.6), ("test", 0.4)), stratify="city")
        made = self.run(tmp_path, split, rows)
        for city, count in Counter(row["city"] for row in rows).items():
            kept = sum(row["city"] == city for row in rows_of(made.files["train"]))
            assert abs(kept - 0.6 * count) < 1

    def test_groups_stay_together(self, tmp_path: Path) -> None:
        split = Split((("train", 0.7), ("test", 0.3)), group=("age", "city"))
        made = self.run(tmp_path, split, _people(1000))
        groups = [
            {(r["age"], r["city"]) for r in rows_of(made.files[p])} for p in ("train", "test")
        ]
        assert not groups[0] & groups[1]
        assert 650 <= made.summary["train"] <= 750

    def test_predicates_leave_out_what_they_do_not_match(self, tmp_path: Path) -> None:
        split = Split(predicates=(("train", "age < 40 -- young"), ("test", "age >= 100")))
        made = self.run(tmp_path, split)
        assert (made.summary["train"], made.summary["test"], made.summary["left_out"]) == (2, 1, 2)

    def test_overlapping_predicates_are_refused_with_counts(self, tmp_path: Path) -> None:
        split = Split(predicates=(("train", "age < 100"), ("test", "age > 30")))
        code, text = self.refused(tmp_path, split)
        assert code == "E312"
        assert "2 rows are in both `train` and `test`" in text

    @pytest.mark.parametrize(
        "split",
        [
            Split(predicates=(("train", "age < 1000"), ("test", "age > 1000"))),
            Split((("train", 0.99), ("test", 0.01))),
        ],
    )
    def test_an_empty_part_is_refused(self, tmp_path: Path, split: Split) -> None:
        code, text = self.refused(tmp_path, split)
        assert code == "E714"
        assert "`test`" in text

    @pytest.mark.parametrize(
        "split",
        [
            Split((("train", 0.5), ("test", 0.5)), stratify="city"),
            Split((("train", 0.5), ("test", 0.5)), group=("age",)),
            Split(predicates=(("train", "age < 8"), ("test", "age >= 8"))),
        ],
    )
    def test_a_split_is_the_same_for_any_number_of_threads(
        self, tmp_path: Path, split: Split
    ) -> None:
        digests = set()
        for threads in (1, 2, 4):
            made = self.run(tmp_path, split, _people(5000), threads=threads)
            digests.add(tuple(digest_of(made.files[part]) for part in ("train", "test")))
        assert len(digests) == 1


def _people(count: int) -> Rows:
    cities = ["Oslo", "Bergen", None, "Tromsø", ""]
    return [
        {"id": i, "age": i % 17, "pay": i / 3, "city": cities[i * i % 5 if i % 4 else 2]}
        for i in range(count)
    ]


def _json(values: list[str]) -> str:
    import json

    return json.dumps(values)


def _outside(value: Any, low: Any, high: Any) -> bool:
    if value is None:
        return False
    if value != value:
        return True
    return (low is not None and value < low) or (high is not None and value > high)


def _repeats(rows: Rows) -> int:
    keys = [(r["id"], r["age"]) for r in rows if r["id"] is not None and r["age"] is not None]
    return len(keys) - len(set(keys))


def _false(row: dict[str, Any]) -> bool:
    """Whether ``age > 0 or pay > 1`` is false, and not unknown; NaN is above all numbers."""
    age, pay = row["age"], row["pay"]
    return age is not None and pay is not None and not (age > 0 or pay > 1 or pay != pay)
