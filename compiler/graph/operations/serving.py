"""Operations that put a model behind an endpoint and watch it there."""

from __future__ import annotations

from compiler.graph.operations.operation import Operation
from compiler.graph.operations.watching import CompareProfiles


class Golden(Operation, frozen=True):
    """Requests with the answers that the evaluation gave them, to ask a server before it serves.

    ``rows`` of the part, spread evenly; the label by ``threshold``. Inputs:
    ``model``, ``table``. Outputs: ``golden`` (document).
    """

    capability = "predict"
    category = "redeploy"
    rows: int = 20
    threshold: float = 0.5


class Deploy(Operation, frozen=True):
    """Serve a model over HTTP; a version whose golden answers differ fails it.

    ``api_key`` is a reference to a secret; ``replicas`` the least and the most
    copies; ``queue`` how many requests a copy takes on, ``rows`` how many rows
    one may have, ``timeout_s`` how long it may take. Inputs: ``model``,
    ``golden``. Outputs: ``endpoint``.
    """

    capability = "serve"
    category = "redeploy"
    kind = "resource"
    name: str
    threshold: float
    api_key: str | None = None
    replicas: tuple[int, int] = (1, 1)
    queue: int = 64
    rows: int = 1000
    timeout_s: int = 10


class Watch(Operation, frozen=True):
    """Profile what a deployment is asked and answers, in windows of ``window_s`` seconds.

    ``compare`` says how ``stackc monitor`` holds each window against the
    reference, ``notify`` whom it tells. Inputs: ``endpoint``, ``reference``.
    Outputs: ``drift`` (document of the windows judged so far).
    """

    capability = "serve"
    category = "re-monitor"
    kind = "resource"
    monitor: str
    deployment: str
    window_s: int
    compare: CompareProfiles
    notify: tuple[str, ...] = ()
