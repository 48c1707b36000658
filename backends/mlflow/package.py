"""The packaged model as MLflow keeps one: `MLmodel` with its signature, and the ONNX file as is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from compiler.backend import Artifact
from compiler.graph.types import ModelType

FILE = "model.onnx"
_ONE_THREAD = {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
"""More of them add up an ensemble's trees in another order, and answer other bits."""


def written(model: Artifact, folder: Path, model_id: str, run_id: str) -> Path:
    """Write the folder of a model that MLflow can load, and serve, from anywhere.

    The file in it is the very file that was evaluated.
    """
    import mlflow.onnx
    from mlflow.models import Model

    graph = onnx.load(model.path, load_external_data=False)
    mlflow.onnx.save_model(
        graph,
        folder,
        mlflow_model=Model(run_id=run_id, model_id=model_id),
        signature=_signature(graph),
        pip_requirements=mlflow.onnx.get_default_pip_requirements(),
        onnx_execution_providers=["CPUExecutionProvider"],
        onnx_session_options=_ONE_THREAD,
        metadata={"stackc.request": _columns(model)},
        save_as_external_data=False,
    )
    shutil.copyfile(model.path, folder / FILE)
    return folder


def _signature(graph: Any) -> Any:
    """What the ONNX graph takes and gives, tensor by tensor."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

    return ModelSignature(
        inputs=Schema([_tensor(value) for value in graph.graph.input]),
        outputs=Schema([_tensor(value) for value in graph.graph.output]),
    )


def _tensor(value: Any) -> Any:
    from mlflow.types import TensorSpec

    kind = value.type.tensor_type
    element = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim)
    return TensorSpec(element, shape, value.name)


def _columns(model: Artifact) -> list[dict[str, Any]]:
    """The columns that a request has, by their types in the spec."""
    assert isinstance(model.type, ModelType)
    return [
        {"name": c.name, "type": str(c.type), "nullable": c.nullable} for c in model.type.request
    ]
