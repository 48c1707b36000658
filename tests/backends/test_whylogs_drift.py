"""Distances from sketches, held against numpy and scipy on the raw rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from backends.whylogs.bins import formatted
from backends.whylogs.chance import chi_square_tail, kolmogorov_tail
from backends.whylogs.drift import drift_of
from compiler.graph.operations import CompareProfiles
from tests.backends.test_whylogs_profile import profiled


def column(
    folder: Path, reference: pa.Array, current: pa.Array, method: str, threshold: float = 0.2
) -> dict[str, Any]:
    left = profiled(folder, pa.table({"x": reference}))
    other = folder / "current"
    other.mkdir()
    right = profiled(other, pa.table({"x": current}))
    drift = drift_of(CompareProfiles(("x",), method, threshold), left, right)
    return dict(drift["windows"][0]["columns"][0])


def samples(shift: float) -> tuple[Any, Any]:
    random = np.random.default_rng(11)
    return random.normal(0, 1, 8000), random.normal(shift, 1.2, 6000)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0, 6.0])
def test_ks_equals_scipy(tmp_path: Path, shift: float) -> None:
    a, b = samples(shift)
    found = column(tmp_path, pa.array(a), pa.array(b), "ks")
    assert found["distance"] == pytest.approx(stats.ks_2samp(a, b).statistic, abs=0.01)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_psi_and_hellinger_equal_numpy_on_the_deciles(tmp_path: Path, shift: float) -> None:
    a, b = samples(shift)
    inner = np.quantile(a, np.arange(1, 10) / 10)
    edges = [-np.inf, a.min(), *inner, a.max() + 1e-12, np.inf]
    p, q = (np.maximum(np.histogram(x, edges)[0] / len(x), 1e-4) for x in (a, b))
    psi = column(tmp_path, pa.array(a), pa.array(b), "psi")["distance"]
    assert psi == pytest.approx(float(((q - p) * np.log(q / p)).sum()), abs=0.02, rel=0.05)
    (tmp_path / "h").mkdir()
    found = column(tmp_path / "h", pa.array(a), pa.array(b), "hellinger")["distance"]
    expected = float(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2))
    assert found == pytest.approx(expected, abs=0.01)


def test_chi_square_is_scipys_test_and_a_share_weighted_cramers_v(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    a = random.choice(list("abcd"), 2000, p=[0.4, 0.3, 0.2, 0.1])
    b = random.choice(list("abcd"), 2000, p=[0.38, 0.3, 0.2, 0.12])
    table = np.array([[(x == c).sum() for c in "abcd"] for x in (a, b)])
    expected = stats.chi2_contingency(table)
    found = column(tmp_path, pa.array(a), pa.array(b), "chi_square")
    assert f"chi-square = {expected.statistic:.4g}, 3 degrees" in found["detail"]
    assert f"p = {expected.pvalue:.3g}" in found["detail"]
    assert found["distance"] == pytest.approx(np.sqrt(expected.statistic / 4000), abs=1e-6)


@pytest.mark.parametrize("freedom", [1, 2, 5, 10, 40, 300])
def test_the_chi_square_tail_is_scipys(freedom: int) -> None:
    for x in (0.01, 0.5, 1.0, 5.0, 20.0, 100.0, 700.0):
        ours = chi_square_tail(x, freedom)
        assert ours == pytest.approx(stats.chi2.sf(x, freedom), rel=1e-9, abs=1e-15)


def test_the_kolmogorov_tail_is_near_scipys() -> None:
    for rows in (40, 500, 10_000):
        for distance in (0.01, 0.05, 0.1, 0.3):
            expected = stats.kstwo.sf(distance, round(rows / 2))
            assert kolmogorov_tail(distance, rows, rows) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("method", ["ks", "hellinger", "chi_square"])
def test_the_bounded_distances_are_one_for_samples_with_nothing_in_common(
    tmp_path: Path, method: str
) -> None:
    found = column(tmp_path, pa.array([1.0] * 100), pa.array([2.0] * 100), method)
    assert (found["distance"], found["drifted"]) == (1.0, True)


@pytest.mark.parametrize("method", ["ks", "hellinger", "chi_square", "psi"])
@pytest.mark.parametrize(
    ("reference", "current"),
    [([5], [3]), ([0] * 6 + [9], [1]), ([1], [None]), ([None], [1]), ([1.0], [float("nan")])],
)
def test_constants_ties_nulls_and_nan_that_change_are_seen(
    tmp_path: Path, method: str, reference: list[Any], current: list[Any]
) -> None:
    left = pa.array(reference * 100, pa.float64())
    found = column(tmp_path, left, pa.array(current * 100, pa.float64()), method)
    assert found["drifted"] is True


@pytest.mark.parametrize("method", ["ks", "hellinger", "chi_square"])
def test_bounded_distances_are_symmetric_on_the_same_bins(tmp_path: Path, method: str) -> None:
    a, b = pa.array([1, 2, 3] * 50), pa.array([1, 1, 2, 3, 3] * 70)
    there = column(tmp_path, a, b, method)["distance"]
    (tmp_path / "back").mkdir()
    assert column(tmp_path / "back", b, a, method)["distance"] == pytest.approx(there, abs=1e-6)


def test_a_few_rows_have_no_distance(tmp_path: Path) -> None:
    found = column(tmp_path, pa.array([1.0] * 500), pa.array([9.0] * 29), "psi")
    assert found["distance"] is None
    assert found["detail"] == "the window has 29 rows, fewer than 30"


def test_noise_of_a_small_window_is_above_the_threshold_and_yet_no_drift(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(size=5000), random.normal(size=40)
    found = column(tmp_path, pa.array(a), pa.array(b), "psi", threshold=0.01)
    assert found["distance"] > 0.01
    assert found["drifted"] is False
    assert "chance explains it at 40 rows" in found["detail"]


def test_a_changed_type_is_told(tmp_path: Path) -> None:
    found = column(tmp_path, pa.array([1.0] * 50), pa.array(["a"] * 50), "psi")
    assert found["distance"] is None
    assert "reference has" in found["detail"]


def test_shares_sum_to_one_and_bins_name_them(tmp_path: Path) -> None:
    a, b = samples(0.5)
    found = column(tmp_path, pa.array(a), pa.array(b), "psi")
    assert len(found["bins"]) == len(found["reference"]) == len(found["current"])
    assert len(set(found["bins"])) == len(found["bins"])
    for side in ("reference", "current"):
        assert sum(found[side]) == pytest.approx(1, abs=1e-4)


def test_edges_stay_apart_when_written_short() -> None:
    assert formatted([1.00001, 1.00002], "float64") == ["1.00001", "1.00002"]
    assert formatted([1.0, 20.0, 300000.0], "int64") == ["1", "20", "300000"]
