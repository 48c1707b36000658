"""What one writes by hand to serve the model: ``python -m benchmarks.bare_server MODEL PORT``.

No check of the request beyond what numpy refuses, no key, no limit, no metric.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import onnxruntime as ort
import orjson
import uvicorn

Predict: TypeAlias = Callable[[bytes], bytes]
PAIRS = [(b"content-type", b"application/json")]


def predictor(model: str) -> Predict:
    """Rows of JSON in, answers out."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = {entry.name: entry.type for entry in session.get_inputs()}
    outputs = [entry.name for entry in session.get_outputs()]

    def predict(body: bytes) -> bytes:
        rows = orjson.loads(body)["rows"]
        feeds = {
            name: np.array([row[name] for row in rows], np.float64)
            if kind == "tensor(double)"
            else np.zeros(len(rows), np.bool_)
            for name, kind in inputs.items()
        }
        found: list[Any] = session.run(outputs, feeds)
        return orjson.dumps([part.tolist() for part in found])

    return predict


def make_app(model: str) -> Any:
    """The application."""
    predict = predictor(model)

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        answer = predict(body)
        length = (b"content-length", str(len(answer)).encode())
        start = {"type": "http.response.start", "status": 200, "headers": [*PAIRS, length]}
        await send(start)
        await send({"type": "http.response.body", "body": answer})

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_app(sys.argv[1]),
        port=int(sys.argv[2]),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
