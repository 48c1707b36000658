"""The whylogs backend: its suite, its file, and what its sketches hold of odd columns."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backends.whylogs import BACKEND
from backends.whylogs.container import ProfileSet, read_profile
from backends.whylogs.drift import drift_of
from backends.whylogs.profile import profile
from backends.whylogs.statistics import summaries
from compiler.backend import Artifact
from compiler.diagnostics import StackcError
from compiler.graph.operations import CompareProfiles, Profile, Window
from compiler.graph.types import TableType
from tests.conformance.profiles import Desk, ProfileSuite

ALL = Window()


class TestWhylogs(ProfileSuite):
    backend = BACKEND


def profiled(folder: Path, table: pa.Table, window: Window = ALL) -> ProfileSet:
    path = folder / "table.parquet"
    pq.write_table(table, path)
    operation = Profile(tuple(table.column_names), window)
    desk = Desk(BACKEND, folder)
    made = profile(operation, {"table": Artifact(path, "", TableType(()))}, desk.context())
    return read_profile(made.files["profile"])


def one(folder: Path, array: pa.Array) -> dict[str, Any]:
    return summaries(profiled(folder, pa.table({"x": array})))[0]


def test_nulls_nan_and_infinities_are_told_apart(tmp_path: Path) -> None:
    values = [1.0, 2.0, None, float("nan"), float("nan"), float("inf"), -float("inf")]
    found = one(tmp_path, pa.array(values, pa.float64()))
    counts = {k: found[k] for k in ("count", "nulls", "nans", "infinite", "min", "max", "mean")}
    assert counts == {
        "count": 7, "nulls": 1, "nans": 2, "infinite": 2, "min": 1.0, "max": 2.0, "mean": 1.5,
    }  # fmt: skip


def test_statistics_equal_numpy_within_the_sketch_error(tmp_path: Path) -> None:
    values = np.random.default_rng(5).lognormal(0, 1, 20_000)
    found = one(tmp_path, pa.array(values))
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-9)
    assert found["stddev"] == pytest.approx(values.std(ddof=1), rel=1e-9)
    assert (found["min"], found["max"]) == (values.min(), values.max())
    assert found["distinct"] == pytest.approx(20_000, rel=0.06)
    for rank, value in found["quantiles"].items():
        assert (values <= value).mean() == pytest.approx(float(rank), abs=0.01)
    assert sum(found["histogram"]["shares"]) == pytest.approx(1, abs=1e-4)


def test_frequent_items_are_exact_where_they_fit(tmp_path: Path) -> None:
    texts = ["a"] * 300 + ["b"] * 200 + ["c"] + [None] * 7
    found = one(tmp_path, pa.array(texts))
    assert found["top"] == [
        {"value": "a", "rows": 300}, {"value": "b", "rows": 200}, {"value": "c", "rows": 1},
    ]  # fmt: skip
    assert (found["distinct"], found["nulls"]) == (3, 7)


def test_booleans_are_categories(tmp_path: Path) -> None:
    found = one(tmp_path, pa.array([True, False, True, None]))
    assert [tuple(item.values()) for item in found["top"]] == [("true", 2), ("false", 1)]


@pytest.mark.parametrize(
    ("array", "low", "high"),
    [
        (pa.array([0, 86_400_000_000], pa.timestamp("us")), "1970-01-01", "1970-01-02"),
        (pa.array([1, 90], pa.timestamp("s", "UTC")), "1970-01-01 00:00:01", "1970-01-01 00:01:30"),
        (pa.array([0, 365], pa.date32()), "1970-01-01", "1971-01-01"),
        (pa.array([3_600_000_000, 0], pa.time64("us")), "0:00:00", "1:00:00"),
    ],
)
def test_times_are_summed_up_as_times(tmp_path: Path, array: pa.Array, low: str, high: str) -> None:
    found = one(tmp_path, array)
    assert (found["kind"], found["min"], found["max"]) == ("temporal", low, high)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([Decimal("1.50"), Decimal("2.50"), None]),
        pa.array([2**64 - 1, 0, None], pa.uint64()),
        pa.array([-(2**63), 2**63 - 1], pa.int64()),
        pa.array([1e308, -1e308, 1e308]),
        pa.array([b"\x00\xff", None], pa.binary()),
        pa.array([[1, 2], None], pa.list_(pa.int64())),
        pa.array([{"a": 1}], pa.struct({"a": pa.int64()})),
        pa.array([None, None], pa.null()),
        pa.array([None, None], pa.float64()),
        pa.array(["", "x" * 100_000, "\x00", "é\U0001f600"]),
        pa.array(["a", "b", None]).dictionary_encode(),
        pa.array([], pa.string()),
    ],
)
def test_every_type_of_column_is_profiled_and_can_be_told_as_json(
    tmp_path: Path, array: pa.Array
) -> None:
    found = one(tmp_path, array)
    assert found["count"] == len(array)
    assert found["nulls"] == array.null_count
    json.dumps(found, allow_nan=False)


def test_hostile_column_names_stay_names(tmp_path: Path) -> None:
    table = pa.table({'a"b': [1, 2], "<script>'; drop table x": ["x", "y"]})
    found = summaries(profiled(tmp_path, table))
    assert [c["name"] for c in found] == table.column_names


def test_windows_of_null_and_of_mixed_order_keep_their_rows(tmp_path: Path) -> None:
    keys = [2, None, 10, 2, 1, None] * 50
    profiles = profiled(tmp_path, pa.table({"k": keys}), Window(by="k", where="k is null or k<5"))
    assert [(w.label, w.rows) for w in profiles.windows] == [("1", 50), ("2", 100), ("null", 100)]
    assert profiles.merged().columns["k"].nulls == 100
    assert profiles.windows[1].columns["k"].quantiles((0.0, 1.0)) == [2.0, 2.0]


def test_a_window_may_not_read_other_files(tmp_path: Path) -> None:
    other = tmp_path / "secret.csv"
    other.write_text("a\n1\n")
    where = f"x in (select a from read_csv('{other}'))"
    with pytest.raises(StackcError, match="E710"):
        profiled(tmp_path, pa.table({"x": [1]}), Window(where=where))


def test_a_damaged_profile_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    profiled(tmp_path, pa.table({"x": list(range(1000))}))
    [path] = tmp_path.glob("**/profile.whylogs")
    whole = path.read_bytes()
    for damage in (b"", b"nonsense", whole[: len(whole) // 2], whole[:80] + b"\xff" * 900):
        path.write_bytes(damage)
        with pytest.raises(StackcError) as caught:
            read_profile(path)
        assert caught.value.diagnostics[0].help


def test_a_profile_of_a_later_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "later.whylogs"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.json", '{"format": 2, "columns": [], "windows": []}')
    with pytest.raises(StackcError, match="format is 2"):
        read_profile(path)


def test_a_damaged_table_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 half")
    with pytest.raises(StackcError, match="E710"):
        profile(
            Profile(("x",)),
            {"table": Artifact(path, "", TableType(()))},
            Desk(BACKEND, tmp_path).context(),
        )


def test_running_it_imports_no_frameworks_and_leaves_them_importable() -> None:
    code = (
        "import sys, backends.whylogs.profile, backends.whylogs.drift; "
        "print([m for m in ('pandas', 'scipy', 'sklearn') if m in sys.modules]); "
        "import pandas, scipy, sklearn"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_naming_the_backend_imports_nothing_heavy() -> None:
    code = (
        "import sys, backends.whylogs; "
        "print([m for m in ('whylogs', 'pandas', 'numpy', 'duckdb') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_identifiers_have_no_frequent_items_and_no_drift(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    left, right = (
        profiled(tmp_path / name, pa.table({"x": [f"{name}{n}" for n in range(8000)]}))
        for name in ("a", "b")
    )
    assert summaries(left)[0]["top"] == []
    assert summaries(left)[0]["distinct"] == pytest.approx(8000, rel=0.06)
    [window] = drift_of(CompareProfiles(("x",), "psi", 0.2), left, right)["windows"]
    assert window["columns"][0]["distance"] == 0.0


def test_a_frequent_value_among_identifiers_is_seen(tmp_path: Path) -> None:
    values = [f"id{n}" for n in range(8000)] + ["again"] * 3000
    found = one(tmp_path, pa.array(values))
    assert found["top"][0]["value"] == "again"
    assert found["top"][0]["rows"] == pytest.approx(3000, abs=10)
