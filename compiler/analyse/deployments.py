"""Deployments: what a server is asked before it serves, and the node that makes it serve."""

from __future__ import annotations

from compiler.analyse.scope import Scope
from compiler.diagnostics import Path
from compiler.graph.operations import Deploy, Golden
from compiler.graph.types import DocumentType, EndpointType
from specs.base import seconds_of
from specs.deployments import Deployment


def analyse_deployment(scope: Scope, name: str) -> None:
    """Add the nodes of one deployment."""
    deployment = scope.stack.deployments[name]
    path: Path = ("deployments", name)
    model = scope.models.get(deployment.model)
    if model is None:
        return
    golden = scope.add(
        f"deployments.{name}/golden",
        Golden(threshold=model.threshold),
        {"model": model.registered, "table": model.part},
        {"golden": DocumentType("golden")},
        path,
    )
    kind = EndpointType(model.type.task, model.type.request, model.type.response)
    scope.endpoints[name] = scope.add(
        f"deployments.{name}/deploy",
        _deploy(name, deployment, model.threshold),
        {"model": model.registered, "golden": golden},
        {"endpoint": kind},
        path,
    )


def _deploy(name: str, deployment: Deployment, threshold: float) -> Deploy:
    replicas = deployment.replicas
    return Deploy(
        name=f"deployments.{name}",
        threshold=threshold,
        api_key=deployment.auth.api_key if deployment.auth else None,
        replicas=(replicas, replicas)
        if isinstance(replicas, int)
        else (replicas.min, replicas.max),
        queue=deployment.limits.queue,
        rows=deployment.limits.rows,
        timeout_s=seconds_of(deployment.limits.timeout),
    )
