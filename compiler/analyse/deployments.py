"""Deployments: what a server is asked before it serves, and the node that makes it serve."""

from __future__ import annotations

from compiler.analyse.rollouts import analyse_rollout, given_timeout
from compiler.analyse.scope import Scope
from compiler.codes import Code
from compiler.diagnostics import Findings, Path
from compiler.graph.operations import Deploy, Golden, Rollout, usual_drain
from compiler.graph.types import DocumentType, EndpointType
from specs.base import seconds_of
from specs.deployments import Deployment, Limits


def analyse_deployment(scope: Scope, name: str) -> None:
    """Add the nodes of one deployment."""
    deployment = scope.stack.deployments[name]
    path: Path = ("deployments", name)
    rollout = analyse_rollout(deployment.rollout, deployment.limits, path, scope.findings)
    drain_s = _drain(deployment.limits, path, scope.findings)
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
        _deploy(name, deployment, model.threshold, drain_s, rollout),
        {"model": model.registered, "golden": golden},
        {"endpoint": kind},
        path,
    )


def _drain(limits: Limits, path: Path, findings: Findings) -> int | None:
    """Seconds that requests at work are given, where it is said; no less than one may take."""
    if limits.drain is None:
        return None
    timeout, drain = seconds_of(limits.timeout), seconds_of(limits.drain)
    if drain < timeout:
        findings.report(
            Code.DRAIN,
            f"requests at work are given {limits.drain} when their revision is replaced, and one"
            f" may take {limits.timeout}",
            (*path, "limits", "drain"),
            labels=given_timeout(limits, path),
            help=f"write `drain: {limits.timeout}` or longer, or leave it out:"
            f" then it is {usual_drain(timeout)}s here",
        )
    return drain


def _deploy(
    name: str,
    deployment: Deployment,
    threshold: float,
    drain_s: int | None,
    rollout: Rollout | None,
) -> Deploy:
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
        drain_s=drain_s,
        rollout=rollout,
    )
