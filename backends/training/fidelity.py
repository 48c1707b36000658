"""Whether the ONNX graph predicts what the framework predicts, thresholds included."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto

from backends.training.contract import INPUT
from backends.training.problem import Array, Fitted, Floats
from compiler.codes import Code
from compiler.diagnostics import fail

TOLERANCE = 1e-5
_SAMPLE = 2000
_HOLES = 500


def measure(fitted: Fitted, x: Floats, *, missing: bool) -> float:
    """The largest difference between framework and ONNX on a sample of rows.

    Numbers are compared relative to the largest prediction. Rows whose
    features lie on and beside thresholds of the trees belong to the sample;
    with ``missing`` also rows that miss values.

    Raises:
        StackcError: It is above ``TOLERANCE`` (E713).
    """
    with np.errstate(over="ignore"):
        return _measured(fitted, x, missing=missing)


def _measured(fitted: Fitted, x: Floats, *, missing: bool) -> float:
    rows = _sample(x, fitted.probes, missing=missing)
    wanted = np.asarray(fitted.predict(rows), np.float64)
    if not np.isfinite(wanted.astype(np.float32)).all():
        raise fail(
            Code.TRAINING_FAILED,
            "the fit diverged: its predictions are not finite numbers",
            help="lower the algorithm's `learning_rate`, or scale the target in the dataset's SQL",
        )
    found = run(fitted.model, rows).astype(np.float64)
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0)))
    difference = float(np.max(np.abs(wanted - found), initial=0)) / scale
    if not difference <= TOLERANCE:
        raise fail(
            Code.TRAINING_FAILED,
            f"the ONNX model differs from the fitted one by {difference:.2g}"
            f" (at most {TOLERANCE:g} is let through)",
            help="features of a moderate size help: scale them, or bound them in the expression",
        )
    return difference


def run(model: ModelProto, rows: Floats) -> Array:
    """The model's one output for a matrix."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: Array = session.run(None, {INPUT: rows})[0]
    return found


def _sample(x: Floats, probes: tuple[Array, Array] | None, *, missing: bool) -> Floats:
    pick = np.unique(np.linspace(0, len(x) - 1, min(len(x), _SAMPLE)).astype(int))
    parts = [x[pick]]
    if probes is not None and len(probes[0]):
        parts += [_beside(parts[0], probes, side) for side in (-1, 0, 1)]
    if missing:
        holes = parts[0][:: max(1, len(parts[0]) // _HOLES)].copy()
        holes[np.arange(len(holes)), np.arange(len(holes)) % x.shape[1]] = np.nan
        parts.append(holes)
    return np.ascontiguousarray(np.concatenate(parts))


def _beside(rows: Floats, probes: tuple[Array, Array], side: int) -> Floats:
    """Rows with one feature set to a threshold, or to its neighbour below or above."""
    feature, threshold = probes
    changed = rows[np.arange(len(feature)) % len(rows)].copy()
    near = threshold.astype(np.float32)
    if side:
        near = np.nextafter(near, np.float32(side * np.inf))
    changed[np.arange(len(feature)), feature] = near
    return changed
