"""What every backend of the capability ``profile`` must do."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compiler.backend import Artifact, Backend, Outcome, TaskContext
from compiler.diagnostics import StackcError
from compiler.graph.operations import CompareProfiles, Operation, Profile, Window
from compiler.graph.types import Column, DataType, ProfileType, TableType

ALL = Window()


class ProfileSuite:
    """Inherit it, and set ``backend``."""

    backend: Backend

    @pytest.fixture
    def desk(self, tmp_path: Path) -> Desk:
        return Desk(self.backend, tmp_path)

    def test_the_same_rows_have_no_distance(self, desk: Desk) -> None:
        table = desk.table(people(500, seed=1))
        drift = desk.compare(desk.profile(table), desk.profile(table))
        assert drift["alert"] is False
        assert [c["distance"] for c in drift["windows"][0]["columns"]] == [0.0] * 4

    @pytest.mark.parametrize("method", ["auto", "psi", "hellinger", "chi_square"])
    @pytest.mark.parametrize("rows", [60, 400, 5000])
    def test_resamples_do_not_alarm(self, desk: Desk, method: str, rows: int) -> None:
        reference = desk.profile(desk.table(people(5000, seed=1)))
        for seed in (2, 3, 4):
            current = desk.profile(desk.table(people(rows, seed=seed)))
            assert desk.compare(reference, current, method)["alert"] is False

    @pytest.mark.parametrize("method", ["auto", "psi", "hellinger", "chi_square"])
    def test_shifted_columns_alarm_and_the_others_do_not(self, desk: Desk, method: str) -> None:
        reference = desk.profile(desk.table(people(3000, seed=1)))
        current = desk.profile(desk.table(people(2000, seed=2, shift=True)))
        drift = desk.compare(reference, current, method)
        assert drift["windows"][0]["drifted"] == ["height", "city"]

    def test_ks_compares_numbers_and_says_why_not_texts(self, desk: Desk) -> None:
        reference = desk.profile(desk.table(people(3000, seed=1)))
        current = desk.profile(desk.table(people(2000, seed=2, shift=True)))
        drift = desk.compare(reference, current, "ks")
        columns = {c["column"]: c for c in drift["windows"][0]["columns"]}
        assert columns["height"]["drifted"] is True
        assert columns["city"]["distance"] is None
        assert "string" in columns["city"]["detail"]

    def test_one_window_per_value_in_the_order_of_the_values(self, desk: Desk) -> None:
        rows = people(1200, seed=1)
        rows["month"] = pa.array([1 + i % 12 for i in range(1200)])
        profile = desk.profile(desk.table(rows), Window(by="month"))
        drift = desk.compare(profile, profile)
        assert [w["window"] for w in drift["windows"]] == [str(m) for m in range(1, 13)]
        assert {w["rows"] for w in drift["windows"]} == {100}
        assert drift["reference_rows"] == 1200

    def test_a_predicate_makes_one_window_of_its_rows(self, desk: Desk) -> None:
        table = desk.table(people(1000, seed=1))
        window = desk.profile(table, Window(where="height > 180 -- the tall"))
        found = desk.compare(desk.profile(table), window)["windows"]
        assert len(found) == 1
        assert "height" in found[0]["drifted"]
        assert 0 < found[0]["rows"] < 300

    def test_an_empty_window_has_no_distance_and_no_alarm(self, desk: Desk) -> None:
        table = desk.table(people(1000, seed=1))
        window = desk.profile(table, Window(where="false"))
        drift = desk.compare(desk.profile(table), window)
        assert drift["windows"][0]["rows"] == 0
        assert all(c["distance"] is None and c["detail"] for c in drift["windows"][0]["columns"])
        assert drift["alert"] is False

    def test_a_column_that_turns_null_drifted(self, desk: Desk) -> None:
        reference = people(1000, seed=1)
        current = people(1000, seed=2)
        current["height"] = pa.array([None] * 1000, pa.float64())
        current["city"] = pa.array([None] * 1000, pa.string())
        drift = desk.compare(desk.profile(desk.table(reference)), desk.profile(desk.table(current)))
        assert drift["windows"][0]["drifted"] == ["height", "city"]

    def test_a_bad_predicate_is_a_located_error(self, desk: Desk) -> None:
        with pytest.raises(StackcError) as caught:
            desk.profile(desk.table(people(10, seed=1)), Window(where="1 / height = 'tall'"))
        assert caught.value.diagnostics[0].code.value == "E710"

    def test_a_window_per_row_is_refused(self, desk: Desk) -> None:
        with pytest.raises(StackcError, match="more than"):
            desk.profile(desk.table(people(5000, seed=1)), Window(by="height"))

    def test_the_service_tells_each_column(self, desk: Desk) -> None:
        rows = people(1000, seed=1)
        profile = desk.profile(desk.table(rows))
        columns = {c["name"]: c for c in desk.service("summarise_profile")(profile)}
        assert list(columns) == ["height", "city", "adult", "born"]
        assert columns["height"]["count"] == 1000
        assert columns["height"]["nulls"] == rows["height"].null_count
        assert columns["height"]["max"] == max(v for v in rows["height"].to_pylist() if v)


class Desk:
    """Runs a backend's lowerings by their names, as the engine does."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.backend = backend
        self.folder = folder
        self.count = 0

    def table(self, columns: Mapping[str, pa.Array]) -> Path:
        path = self._fresh() / "it's a table.parquet"
        pq.write_table(pa.table(dict(columns)), path)
        return path

    def profile(self, table: Path, window: Window = ALL) -> Path:
        columns = ("height", "city", "adult", "born")
        outcome = self._run(Profile(columns, window), {"table": Artifact(table, "", TYPE)})
        return outcome.files["profile"]

    def compare(self, reference: Path, current: Path, method: str = "auto") -> dict[str, Any]:
        columns = ("height", "city", "adult", "born")
        inputs = {
            "reference": Artifact(reference, "", ProfileType(columns)),
            "current": Artifact(current, "", ProfileType(columns)),
        }
        outcome = self._run(CompareProfiles(columns, method, 0.2), inputs)
        document: dict[str, Any] = json.loads(outcome.files["drift"].read_text("utf-8"))
        return document

    def service(self, name: str) -> Any:
        return _load(self.backend.services[name])

    def context(self) -> TaskContext:
        folder = self._fresh()
        return TaskContext(
            address="monitors.people/profile",
            key="",
            input_keys={},
            observed=None,
            project=folder,
            state=folder,
            workdir=folder,
            threads=1,
            memory=1 << 29,
            settings=self.backend.settings(),
            secret=str,
            progress=lambda text: None,
        )

    def _run(self, operation: Operation, inputs: Mapping[str, Artifact]) -> Outcome:
        task = _load(self.backend.lowerings[type(operation)].target)
        outcome: Outcome = task(operation, inputs, self.context())
        return outcome

    def _fresh(self) -> Path:
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        return folder


TYPE = TableType(
    (
        Column("height", DataType("float64")),
        Column("city", DataType("string")),
        Column("adult", DataType("bool")),
        Column("born", DataType("date")),
    )
)
"""Of the rows of ``people``."""


def people(rows: int, seed: int, shift: bool = False) -> dict[str, pa.Array]:
    """Rows with nulls; ``shift`` moves ``height`` by a deviation and changes the cities' shares."""
    random = np.random.default_rng(seed)
    height = random.normal(170 + 10 * shift, 10, rows)
    shares = [0.1, 0.2, 0.7] if shift else [0.6, 0.3, 0.1]
    return {
        "height": pa.array(height, mask=random.random(rows) < 0.05),
        "city": pa.array(random.choice(["Köln", "Łódź", "京都"], rows, p=shares)),
        "adult": pa.array(random.random(rows) < 0.8),
        "born": pa.array(random.integers(0, 20000, rows).astype("int32"), pa.date32()),
    }


def _load(target: str) -> Any:
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)
