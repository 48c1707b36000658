"""Deployments: what a server is asked before it serves, and the node that makes it serve."""

from __future__ import annotations

from msgspec.structs import replace

from compiler.analyse.keys import key_of, key_place
from compiler.analyse.rollouts import analyse_rollout, given_timeout
from compiler.analyse.scope import Endpoint, ModelInfo, Scope
from compiler.codes import Code
from compiler.diagnostics import Findings, Label, Path, Place
from compiler.graph.operations import Deploy, Golden, Rollout, usual_drain
from compiler.graph.types import Column, DocumentType, EndpointType
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
    key = _key(scope, name, model)
    if key is None:
        return
    golden = scope.add(
        f"deployments.{name}/golden",
        Golden(threshold=model.threshold),
        {"model": model.registered, "table": model.part},
        {"golden": DocumentType("golden")},
        path,
    )
    kind = EndpointType(model.type.task, model.type.request, model.type.response, key)
    endpoint = scope.add(
        f"deployments.{name}/deploy",
        _deploy(name, deployment, model.threshold, drain_s, rollout, key),
        {"model": model.registered, "golden": golden},
        {"endpoint": kind},
        path,
    )
    scope.endpoints[name] = Endpoint(endpoint, key)


def _key(scope: Scope, name: str, model: ModelInfo) -> tuple[Column, ...] | None:
    """The columns of a deployment's key; None and findings where it has a wrong one.

    What is asked is not of the dataset, so any of them may be missing.
    """
    deployment = scope.stack.deployments[name]
    if deployment.key is None:
        return ()
    path: Path = ("deployments", name, "key")
    found = key_of(scope, scope.tables[model.dataset].type, deployment.key, path)
    target = scope.stack.models[deployment.model].target
    if found is None or target not in {column.name for column in found}:
        return found and tuple(replace(column, nullable=True) for column in found)
    scope.findings.report(
        Code.KEY_TYPE,
        f"`{target}` is the model's target: who asks does not know it",
        key_place(path, deployment.key, [column.name for column in found].index(target)),
        labels=(Label("the target", Place(("models", deployment.model, "target"))),),
        help="a key is what is known of a row before it is answered",
    )
    return None


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
    key: tuple[Column, ...],
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
        key=tuple((column.name, str(column.type)) for column in key),
    )
