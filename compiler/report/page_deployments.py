"""The deployments of a report: where each model answers, and on which terms."""

from __future__ import annotations

from msgspec import Struct

from compiler.graph.operations import Deploy
from compiler.report.view import RunView


class Deployment(Struct, frozen=True):
    """One deployment; ``url`` and ``revision`` are None before it first served."""

    block: str
    model: str
    url: str | None
    revision: int | None
    guarded: bool
    backend: str


def deployments(run: RunView) -> tuple[Deployment, ...]:
    """All deployments, in the order of the graph."""
    found = []
    for node in run.graph:
        if isinstance(node.operation, Deploy):
            view = run.node(node.address)
            found.append(
                Deployment(
                    block=node.block,
                    model=dict(node.inputs)["model"].node.partition("/")[0],
                    url=view.summary.get("url"),
                    revision=view.summary.get("revision"),
                    guarded=node.operation.api_key is not None,
                    backend=view.backend,
                )
            )
    return tuple(found)
