"""Each window of a profile against a reference: distances, and whether they mean something."""

from __future__ import annotations

import json
from collections.abc import Mapping

from backends.whylogs.bins import Bins, bins_of
from backends.whylogs.chance import kolmogorov_tail
from backends.whylogs.column import ColumnView
from backends.whylogs.container import ProfileSet, WindowProfile, read_profile
from backends.whylogs.distances import BINNED, homogeneity, ks, shares
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.documents import ColumnDrift, Drift, WindowDrift
from compiler.graph.operations import CompareProfiles

MIN_ROWS = 30
"""With fewer rows on a side no distance is given."""

CHANCE = 0.001
"""A distance beyond the threshold is drift only if chance makes one like it more seldom."""


def compare(
    operation: CompareProfiles, inputs: Mapping[str, Artifact], context: TaskContext
) -> Outcome:
    """Compare each window of ``current`` with ``reference``; the drift document.

    A column drifted when its distance is above the threshold and a test on
    the row counts calls it no accident (p < ``CHANCE``), so a small window
    does not alarm by its noise.
    """
    drift = drift_of(
        operation, read_profile(inputs["reference"].path), read_profile(inputs["current"].path)
    )
    made = context.workdir / "drift.json"
    made.write_text(json.dumps(drift, allow_nan=False, ensure_ascii=False), encoding="utf-8")
    drifted = sum(1 for window in drift["windows"] if window["drifted"])
    summary = {"windows": len(drift["windows"]), "drifted": drifted, "alert": drift["alert"]}
    return Outcome({"drift": made}, summary)


def drift_of(operation: CompareProfiles, reference: ProfileSet, current: ProfileSet) -> Drift:
    """The drift document of two profiles; several reference windows count as one."""
    base = reference.merged()
    windows = [_window(operation, reference, base, current, w) for w in current.windows]
    return {
        "method": operation.method,
        "threshold": operation.threshold,
        "reference_rows": base.rows,
        "alert": any(window["drifted"] for window in windows),
        "windows": windows,
    }


def _window(
    operation: CompareProfiles,
    reference: ProfileSet,
    base: WindowProfile,
    current: ProfileSet,
    window: WindowProfile,
) -> WindowDrift:
    columns = []
    for name in operation.columns:
        refused = _refused(name, operation.method, reference, current)
        if refused is not None:
            columns.append(_empty(name, operation.method, refused))
            continue
        types = {column.name: column.type for column in reference.columns}
        pair = base.columns[name], window.columns[name]
        columns.append(_column(operation, name, types[name], *pair))
    drifted = [column["column"] for column in columns if column["drifted"]]
    return {"window": window.label, "rows": window.rows, "drifted": drifted, "columns": columns}


def _refused(name: str, method: str, reference: ProfileSet, current: ProfileSet) -> str | None:
    """Why a column cannot be compared by this method; None where it can."""
    before, now = reference.column(name), current.column(name)
    if before is None or now is None:
        return f"not profiled in the {'reference' if before is None else 'current table'}"
    if before.kind != now.kind:
        return f"the reference has {before.type}, the current table {now.type}"
    if method == "ks" and before.kind not in ("number", "temporal"):
        return f"ks compares numbers and times; the column has {before.type}"
    return None


def _empty(name: str, method: str, detail: str) -> ColumnDrift:
    return {
        "column": name,
        "method": _resolved(method),
        "distance": None,
        "nulls": 0.0,
        "more_nulls": 0.0,
        "unknown": None,
        "drifted": False,
        "detail": detail,
        "bins": [],
        "reference": [],
        "current": [],
    }


def _resolved(method: str) -> str:
    """What ``auto`` stands for: PSI, over deciles of numbers and frequent items of the rest."""
    return "psi" if method == "auto" else method


def _column(
    operation: CompareProfiles, name: str, type: str, before: ColumnView, now: ColumnView
) -> ColumnDrift:
    found = _empty(name, operation.method, "")
    bins = bins_of(before, now, type)
    found["bins"] = list(bins.labels)
    found["reference"] = [round(float(share), 6) for share in shares(bins.reference)]
    found["current"] = [round(float(share), 6) for share in shares(bins.current)]
    few = min((before.rows, "the reference"), (now.rows, "the window"))
    if few[0] < MIN_ROWS:
        found["detail"] = f"{few[1]} has {few[0]} rows, fewer than {MIN_ROWS}"
        return found
    distance, chance, detail = _judged(found["method"], bins, before, now)
    found["distance"] = round(distance, 6)
    found["drifted"] = distance > operation.threshold and chance < CHANCE
    if distance > operation.threshold and not found["drifted"]:
        detail += f"; above the threshold, yet chance explains it at {few[0]} rows"
    beyond = _rates(operation, found, before, now)
    found["drifted"] = found["drifted"] or bool(beyond)
    found["detail"] = "; ".join((*beyond, detail))
    return found


def _rates(
    operation: CompareProfiles, found: ColumnDrift, before: ColumnView, now: ColumnView
) -> list[str]:
    """Fill in the shares of nulls and of unknown values; those beyond their limits, in words."""
    nulls, usual = now.nulls / max(now.rows, 1), before.nulls / max(before.rows, 1)
    found["nulls"], found["more_nulls"] = round(nulls, 6), round(nulls - usual, 6)
    unknown = now.unknown_to(before)
    found["unknown"] = None if unknown is None else round(unknown, 6)
    beyond = []
    if operation.nulls is not None and nulls - usual > operation.nulls:
        beyond.append(f"{nulls:.1%} nulls, {usual:.1%} in the reference")
    if operation.unknown is not None and unknown is not None and unknown > operation.unknown:
        beyond.append(f"{unknown:.1%} of the values are new")
    return beyond


def _judged(
    method: str, bins: Bins, before: ColumnView, now: ColumnView
) -> tuple[float, float, str]:
    """The distance, how likely chance makes one as large, and both in words."""
    if method == "ks":
        distance = ks(before, now)
        chance = kolmogorov_tail(distance, before.rows, now.rows)
        return distance, chance, _likely(chance)
    statistic, freedom, chance = homogeneity(bins)
    if method == "chi_square":
        detail = f"chi-square = {statistic:.4g}, {freedom} degrees of freedom, {_likely(chance)}"
    else:
        detail = f"{len(bins.labels)} bins, {_likely(chance)}"
    return BINNED[method](bins), chance, detail


def _likely(chance: float) -> str:
    return "p < 0.0001" if chance < 0.0001 else f"p = {chance:.3g}"
