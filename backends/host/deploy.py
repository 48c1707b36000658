"""The resource Deploy: a revision that the local host serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from backends.host import HostSettings
from backends.host.control import key_digest
from backends.host.process import OWNER, Running, answering, ensure, running, stop
from backends.host.standing import standing, tried
from backends.serving.revised import RevisedDeployments, applied, refused, short
from backends.serving.revisions import Revision, Revisions, deployments
from backends.shelf import names
from compiler.backend import Applied, Json, Standing, TaskContext
from compiler.diagnostics import StackcError

_DEPLOY_SECONDS = 120.0
_NOTHING: Mapping[str, Any] = {"revision": None}


class Deployments(RevisedDeployments):
    """Reconciles what the host serves; the same model with the same limits is no new revision.

    With a rollout a revision that may answer otherwise is tried beside the one that serves; the
    host judges it, and whoever looks next is told by ``standing``.
    """

    owner: ClassVar[str] = OWNER

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether the host runs and answers with this revision, to this key."""
        found = answering(context.state)
        if found is None:
            return False
        host, state = found
        if host.url != attributes["host"]:
            return False
        serving = state["deployments"].get(attributes["name"])
        if serving is None or not _as_made(serving, attributes, _shelf(attributes, context)):
            return False
        return _same_key(serving["key"], state["salt"], attributes["api_key"], context)

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The revision that an interrupted apply made, if it serves or is tried."""
        found = answering(context.state)
        if found is None:
            return None
        host, serving = found[0], found[1]["deployments"]
        for name in names(deployments(context.state, OWNER)):
            shelf = Revisions(context.state, name, OWNER)
            shelf.finish()
            revision = shelf.by_operation(operation_id)
            if revision is None:
                continue
            state = serving.get(name, _NOTHING)
            begun = _begun(shelf, revision, state, host, context)
            if begun is not None:
                return begun
            if state["revision"] == revision.number and state.get("canary") is None:
                shelf.serve(revision.number)
                return _applied(revision, host, context)
        return None

    def serve(self, shelf: Revisions, revision: Revision, context: TaskContext) -> Applied:
        """Have the host probe a revision and switch to it, or try it beside the one that serves."""
        asked = revision.operation
        key = context.secret(asked.api_key) if asked.api_key else None
        context.progress("starting the host")
        host = ensure(context.state, cast(HostSettings, context.settings))
        begun = _begun(shelf, revision, _serving(host, asked.name), host, context)
        if begun is not None:
            return begun
        context.progress(f"probing revision {revision.number}")
        current = shelf.beside(revision)
        _told("deploy" if current is None else "try", host, revision, key)
        if current is not None:
            return tried(revision, current, host.url, context)
        shelf.serve(revision.number)
        return _applied(revision, host, context)

    def standing(self, attributes: Mapping[str, Json], context: TaskContext) -> Standing | None:
        """How the canary does, as the host tells it and as it was written down."""
        found = answering(context.state)
        serving = found[1]["deployments"].get(attributes["name"]) if found else None
        said = serving.get("canary") if serving else None
        return standing(_shelf(attributes, context), attributes, said, context)

    def delete(
        self,
        attributes: Mapping[str, Json],
        operation_id: str,  # noqa: ARG002
        context: TaskContext,
    ) -> None:
        """Serve it no more; the host ends with its last deployment."""
        name = attributes["name"]
        host = running(context.state)
        if host is not None:
            host.ask({"do": "remove", "name": name})
            if not host.ask({"do": "state"})["deployments"]:
                stop(context.state)
        Revisions(context.state, name, OWNER).clear()


def _same_key(held: str | None, salt: str, reference: str | None, context: TaskContext) -> bool:
    try:
        key = context.secret(reference) if reference else None
    except StackcError:
        # Who only looks may not know the secret; who applies is told.
        return held is not None
    return held == key_digest(salt, key)


def _shelf(attributes: Mapping[str, Json], context: TaskContext) -> Revisions:
    return Revisions(context.state, attributes["name"], OWNER)


def _serving(host: Running, name: str) -> Mapping[str, Any]:
    """What the host says of a deployment; whoever asks more of it is told where it is gone."""
    try:
        state = host.ask({"do": "state"})
    except OSError:
        return _NOTHING
    found: Mapping[str, Any] = state["deployments"].get(name, _NOTHING)
    return found


def _as_made(serving: Mapping[str, Any], attributes: Mapping[str, Json], shelf: Revisions) -> bool:
    """Whether what serves is what was made, or what came of its rollout since."""
    number, canary = serving["revision"], attributes.get("canary")
    beside = serving.get("canary")
    tried = None if beside is None else beside["revision"]
    if canary is None or tried is not None:
        return bool((number, tried) == (attributes["revision"], canary))
    trial = shelf.trials.last()
    if trial is None or trial.number != canary or trial.verdict is None:
        return False
    return bool(number == (canary if trial.verdict.promoted else attributes["revision"]))


def _begun(
    shelf: Revisions,
    revision: Revision,
    serving: Mapping[str, Any],
    host: Running,
    context: TaskContext,
) -> Applied | None:
    """The deployment whose last operation has begun to try a revision already, judged or not."""
    trial = shelf.trials.last()
    if trial is None or (trial.number, trial.operation) != (
        revision.number,
        revision.operations[-1],
    ):
        return None
    former = shelf.record(trial.former)
    made = {"revision": trial.former, "canary": trial.number}
    if former is None or not _as_made(serving, made, shelf):
        return None
    return tried(revision, former, host.url, context)


def _told(do: str, host: Running, revision: Revision, key: str | None) -> None:
    request = {
        "do": do,
        "name": revision.operation.name,
        "revision": revision.number,
        "api_key": key,
    }
    try:
        answer: dict[str, Any] = host.ask(request, _DEPLOY_SECONDS)
    except OSError as error:
        answer = {"error": f"the host does not answer: {error}"}
    if "error" in answer:
        raise refused(revision, answer["error"])


def _applied(revision: Revision, host: Running, context: TaskContext) -> Applied:
    url = f"{host.url}/{short(revision.operation.name)}"
    return applied(revision, url, "host", {"host": host.url}, context)
