"""What one writes by hand to serve the model on Ray: ``python -m benchmarks.bare_ray STATE MODEL``.

It runs in the cluster of a project of ours, behind the same HAProxy; no check of the request
beyond what numpy refuses, no key, no limit of rows, no metric of its own.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from backends.ray import environment
from backends.ray.cluster import running
from benchmarks.bare_server import predictor

PATH = "/bare"


class Bare:
    """A deployment as Ray's own documentation writes it."""

    def __init__(self, model: str) -> None:
        self.predict = predictor(model)
        self.response: Any = importlib.import_module("starlette.responses").Response

    async def __call__(self, request: Any) -> Any:
        """Answer one request."""
        answer = self.predict(await request.body())
        return self.response(answer, media_type="application/json")


def main(state: Path, model: str) -> None:
    """Deploy it; it stays when this process ends."""
    cluster = running(state)
    assert cluster is not None
    environment.take(environment.private(Path(cluster.folder)))
    ray: Any = importlib.import_module("ray")
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    serve: Any = importlib.import_module("ray.serve")
    deployment = serve.deployment(Bare).options(
        max_ongoing_requests=64, ray_actor_options={"num_cpus": 0}
    )
    serve.run(deployment.bind(model), name="bare", route_prefix=PATH)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
