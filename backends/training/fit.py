"""The task that fits features on the training part."""

from __future__ import annotations

from collections.abc import Mapping

from backends.models.feed import row_count
from backends.training.statistics import learn
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.features.models import features_model
from compiler.features.onnx_graph import to_bytes
from compiler.features.preparation import refuse_misfits
from compiler.graph.operations import FitFeatures


def run(operation: FitFeatures, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Fit every feature on ``train`` and write one ONNX graph: raw columns to the matrix.

    Raises StackcError: E714 where there are no rows, E704 and E705 where the
    table is not what the request says.
    """
    table = inputs["train"].path
    rows = row_count(table)
    if not rows:
        message = f"{context.address}: the training part has no rows"
        way_out = "look at the dataset's SQL and at the split"
        raise fail(Code.TOO_FEW_ROWS, message, help=way_out)
    refuse_misfits(operation.features, operation.request)
    context.progress(f"fitting {len(operation.features)} features on {rows:,} rows")
    statistics = learn(
        operation.features, operation.request, table, context.threads, context.memory
    )
    model = features_model(operation.features, operation.request, statistics)
    path = context.workdir / "features.onnx"
    path.write_bytes(to_bytes(model))
    width = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    summary = {"features": len(operation.features), "columns": width, "rows": rows}
    return Outcome({"features": path}, summary)
