"""A stack that ran: every kind of document as a run would have made it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compiler.engine.sweeps import PointRow
from compiler.graph.digest import digest
from compiler.graph.node import Node
from compiler.report.model import NodeView, RunLine, RunView
from compiler.report.view import SweepView
from compiler.sweep.table import sweep_table
from tests.report.sample_graph import HOSTILE, NAMES, graph


def rule(name: str, broken: int, on_failure: str, examples: list[Any]) -> dict[str, Any]:
    """One rule's result."""
    return {
        "name": name, "kind": "matches", "columns": ["tailnum"], "rows": 336776,
        "broken": broken, "share": broken / 336776, "tolerance": 0.0, "passed": broken == 0,
        "on_failure": on_failure, "detail": "" if not broken else f"{broken:,} values do not match",
        "examples": examples,
    }  # fmt: skip


def metrics() -> dict[str, Any]:
    """An evaluation of a binary model."""
    x = np.linspace(0, 1, 60)
    carriers = ["UA", "B6", "EV", "DL", "AA", HOSTILE, None]
    return {
        "task": "binary",
        "rows": 28756,
        "metrics": {
            "roc_auc": 0.71234567, "f1": 0.4321, "log_loss": 0.5012, "brier": None,
            "demographic_parity_difference": 0.3, "equal_opportunity_ratio": None,
        },
        "slices": [
            {"column": "carrier", "value": value, "rows": 5000 - 600 * n,
             "metrics": {"roc_auc": 0.75 - 0.02 * n, "f1": None if n == 5 else 0.5 - 0.04 * n,
                         "log_loss": 0.5, "brier": 0.1}}
            for n, value in enumerate(carriers)
        ],
        "classes": [False, True],
        "confusion": [[20123, 2345], [3001, 3287]],
        "curves": {
            "roc": {"x": x.tolist(), "y": np.sqrt(x).tolist()},
            "pr": {"x": x.tolist(), "y": (1 - 0.7 * x).tolist()},
            "calibration": {"x": [0.05, 0.3, 0.55, 0.8], "y": [0.08, 0.27, 0.6, 0.71]},
        },
        "threshold": 0.35,
        "fairness": {"min_rows": 30, "groupings": [by("origin"), by("carrier", "origin")]},
    }  # fmt: skip


def by(*columns: str) -> dict[str, Any]:
    """Three groups, of which one is small; only one of them has positives."""
    names = ["EWR", HOSTILE, None]
    values = [[name, *["UA"] * (len(columns) - 1)] for name in names]
    return {
        "columns": list(columns),
        "groups": [
            {"values": value, "rows": 9000 // 90**n, "judged": n < 2,
             "rates": {"selection_rate": 0.5 - 0.3 * n,
                       "true_positive_rate": 0.8 if n == 0 else None}}
            for n, value in enumerate(values)
        ],
        "judged": 2,
        "small": 1,
        "disparities": [
            {"metric": "demographic_parity_difference", "value": 0.3, "rate": "selection_rate",
             "lowest": values[1], "highest": values[0], "remark": ""},
            {"metric": "equal_opportunity_ratio", "value": None, "rate": None, "lowest": [],
             "highest": [], "remark": "fewer than two groups by `origin` have positives"},
        ],
    }  # fmt: skip


def training() -> dict[str, Any]:
    """A fit with early stopping."""
    rounds = range(180)
    return {
        "algorithm": "xgboost",
        "parameters": {"max_depth": 5, "learning_rate": 0.08, "n_estimators": 300},
        "rows": 161000,
        "features": 42,
        "classes": [False, True],
        "rounds": 180,
        "curve": {
            "train logloss": [0.4 + 0.3 * math.exp(-n / 30) for n in rounds],
            "validation logloss": [0.45 + 0.25 * math.exp(-n / 25) + n * 1e-4 for n in rounds],
        },
        "importances": [
            {"feature": name, "value": value}
            for name, value in [("hour", 0.31), ("carrier", 0.24), (HOSTILE, 0.2), ("temp", 0.15),
                                ("far", 0.1)]
        ],
        "seconds": 12.3,
        "fidelity": 3.1e-7,
    }  # fmt: skip


def gates() -> dict[str, Any]:
    """Two gates, one of them against the champion."""
    return {
        "passed": True,
        "champion": "c0ffee" * 10,
        "gates": [
            {"text": "roc_auc >= 0.68", "metric": "roc_auc", "op": ">=", "value": 0.71234567,
             "bound": 0.68, "champion": None, "passed": True, "detail": ""},
            {"text": "roc_auc >= champion - 0.01", "metric": "roc_auc", "op": ">=",
             "value": 0.71234567, "bound": 0.6987, "champion": 0.7087, "passed": True,
             "detail": ""},
        ],
    }  # fmt: skip


def drift() -> dict[str, Any]:
    """Four months; ``temp`` drifted in the last two."""
    windows = []
    for month in (9, 10, 11, 12):
        columns = [drifting(name, n, month) for n, name in enumerate(NAMES)]
        drifted = [column["column"] for column in columns if column["drifted"]]
        windows.append(
            {"window": str(month), "rows": 27000 + month, "drifted": drifted, "columns": columns}
        )
    return {
        "method": "auto", "threshold": 0.2, "reference_rows": 161000, "alert": True,
        "windows": windows,
    }  # fmt: skip


def drifting(name: str, number: int, month: int) -> dict[str, Any]:
    """One column of one month."""
    distance = 0.02 * number + (0.12 * (month - 9) if name == "temp" else 0.0)
    compared = (name, month) != ("time_hour", 9)
    return {
        "column": name,
        "method": "psi",
        "distance": distance if compared else None,
        "nulls": 0.0,
        "more_nulls": 0.0,
        "unknown": None,
        "drifted": compared and distance > 0.2,
        "detail": "9 bins, p = 0.0003" if compared else "the window has 12 rows, fewer than 30",
        "bins": [*(f"{b} to {b + 1}" for b in range(8)), "null"],
        "reference": [0.12] * 8 + [0.04],
        "current": [*(0.02 * b + 0.03 for b in range(8)), 0.2],
    }


def profile() -> list[dict[str, Any]]:
    """Column summaries as the whylogs backend tells them."""

    def column(name: str, type: str, **values: Any) -> dict[str, Any]:
        return {
            "name": name, "type": type, "kind": "number", "count": 161000, "nulls": 0, "nans": 0,
            "infinite": 0, "distinct": 16, "min": None, "max": None, "mean": None, "stddev": None,
            "quantiles": {}, "top": [], "histogram": {"labels": [], "shares": []}, **values,
        }  # fmt: skip

    bell = [math.exp(-((n - 8) ** 2) / 18) for n in range(20)]
    shares = [value / sum(bell) for value in bell]
    labels = [f"{10 * n} to {10 * n + 10}" for n in range(20)]
    bars = {"labels": labels, "shares": shares}
    top = [
        {"value": v, "rows": r} for v, r in [("UA", 52000), ("B6", 41000), (HOSTILE, 9000), ("", 7)]
    ]
    return [
        column("carrier", "string", top=top, distinct=16),
        column("origin", "string", top=top[:3], distinct=3, nulls=1610),
        column("distance", "float64", min=17.0, max=4983.0, mean=1043.27, stddev=733.2,
               quantiles={"0.5": 888.0}, histogram=bars, distinct=211),
        column("temp", "float64", min=10.9, max=100.04, mean=55.26, stddev=17.8, nulls=1300,
               nans=3, quantiles={"0.5": 55.4}, histogram=bars, distinct=174),
        column("time_hour", "timestamp", min="2013-01-01 05:00:00", max="2013-06-30 23:00:00",
               mean="2013-04-02 09:13:20", histogram=bars, distinct=4344),
        column(HOSTILE, "binary", distinct=None),
    ]  # fmt: skip


def documents() -> dict[tuple[str, str], dict[str, Any]]:
    """What every step that makes a document has made."""
    version = {
        "name": "flights", "number": 3, "digest": "abcdef" * 10, "rows": 336776,
        "columns": list(NAMES), "created": "2026-11-23T19:14:54+00:00",
    }  # fmt: skip
    examples = ["D942DN", HOSTILE, None, 7]
    rules = [
        rule("not_null carrier", 0, "block", []),
        rule("tail <b>number</b>", 2512, "quarantine", examples),
    ]
    wind = [rule("possible wind", 0, "warn", [])]
    found: dict[tuple[str, str], dict[str, Any]] = {
        ("sources.flights/publish", "version"): version,
        ("sources.weather/publish", "version"): {**version, "rows": 26115, "number": 1},
        ("predictions.autumn_late/publish", "version"): {**version, "rows": 27004, "number": 1},
        ("sources.flights/validate", "verdict"): verdict(336776, rules),
        ("sources.weather/validate", "verdict"): verdict(26115, wind),
        ("monitors.late_drift/compare", "drift"): drift(),
    }
    for name in ("late", "duration"):
        found[f"models.{name}/train", "training"] = training()
        found[f"models.{name}/gates", "gates"] = gates()
    found["models.late/evaluate", "metrics"] = metrics()
    found["models.duration/evaluate", "metrics"] = regression()
    found["models.late/register", "registration"] = {
        "name": "late", "version": 4, "digest": "beef" * 16, "followed": "cafe" * 16,
        "metrics": {"roc_auc": 0.71234567}, "algorithm": "xgboost", "parameters": {"max_depth": 5},
        "dataset": "datasets.departures", "data": "f00d" * 16,
        "created": "2026-11-23T19:15:00+00:00",
    }  # fmt: skip
    return found


def verdict(rows: int, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """A table held against its rules."""
    return {"rows": rows, "blocked": False, "rules": rules}


def regression() -> dict[str, Any]:
    """An evaluation of a model of numbers."""
    predicted = np.linspace(20, 600, 120)
    points = {"x": predicted.tolist(), "y": (15 * np.sin(predicted)).tolist()}
    return {
        **metrics(),
        "task": "regression",
        "metrics": {"mae": 9.87654, "rmse": 14.2, "r2": 0.9731},
        "classes": [],
        "confusion": [],
        "slices": [],
        "curves": {"residuals": points},
    }


def state(node: Node, key: str) -> NodeView:
    """A node that ran."""
    summary = {"rows": 27004}
    if node.address == "datasets.departures/split":
        summary = {"train": 161000, "validation": 28000, "test": 28756}
    if node.address == "sources.flights/quarantine":
        summary = {"rows": 334264, "quarantined": 2512}
    status = "kept" if node.block.startswith("sources") else "done"
    outputs = {name: digest([node.address, name]) for name, _ in node.outputs}
    finished = "2026-11-23T19:14:54.123+00:00"
    return NodeView(status, key, outputs, summary, 1.234, node.operation.capability, finished)


def runs() -> list[RunLine]:
    """The last two runs, newest first."""
    began = "2026-11-23T19:14:00+00:00"
    counts = {"run": 24, "keep": 15}
    return [
        RunLine(7, "apply", began, "2026-11-23T19:15:02+00:00", "done", counts),
        RunLine(6, "apply", began, None, "interrupted", {}, [f"stopped by {HOSTILE}"]),
    ]


def sweep() -> SweepView:
    """A sweep over a number, a word and a list; one point failed, one missed its gates."""
    key, group = "models.late.algorithm.max_depth", "experiment"
    points = [
        PointRow(
            number, (f"{key}={depth}", f"+{group}={name}"), ((key, depth), (group, name)), "done",
            (("late.roc_auc", 0.6 + depth / 50), ("late.log_loss", 0.5 - depth / 100)),
            ("late: roc_auc >= 0.7",) if depth < 5 else (),
        )
        for number, (depth, name) in enumerate([(3, "wide"), (6, HOSTILE), (9, ["a", "b"])], 1)
    ]  # fmt: skip
    points.append(
        PointRow(4, (f"{key}=x",), ((key, 12), (group, "wide")), "failed", reason=f"E706 {HOSTILE}")
    )
    asked = f"{key}=3,6,9 +{group}=wide,{HOSTILE}"
    return SweepView(7, asked, "2026-11-23T18:02:11+00:00", "failed", sweep_table(points))


def sample() -> RunView:
    """The whole view."""
    found = graph()
    return RunView(
        graph=found,
        nodes={node.address: state(node, found.keys[node.address]) for node in found},
        documents=documents(),
        profiles={"datasets.departures/profile": profile()},
        runs=runs(),
        sweeps=(sweep(),),
        title="flights",
        description="Late arrivals of the flights that left New York in 2013.",
        made="2026-11-23T19:15:03+00:00",
        program="stackc 0.1.0",
    )
