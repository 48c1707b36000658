"""The resource Deploy: a revision that the local host serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from backends.host import HostSettings
from backends.host.control import key_digest
from backends.host.process import OWNER, Running, answering, ensure, running, stop
from backends.serving.revised import RevisedDeployments, applied, refused, short
from backends.serving.revisions import Revision, Revisions, deployments
from backends.shelf import names
from compiler.backend import Applied, Json, TaskContext
from compiler.diagnostics import StackcError

_DEPLOY_SECONDS = 120.0


class Deployments(RevisedDeployments):
    """Reconciles what the host serves; the same model with the same limits is no new revision."""

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
        if serving is None or serving["revision"] != attributes["revision"]:
            return False
        return _same_key(serving["key"], state["salt"], attributes["api_key"], context)

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The revision that an interrupted apply made, if it serves."""
        found = answering(context.state)
        folder = deployments(context.state, OWNER)
        if found is None:
            return None
        host, serving = found[0], found[1]["deployments"]
        for name in names(folder):
            shelf = Revisions(context.state, name, OWNER)
            revision = shelf.by_operation(operation_id)
            if revision and serving.get(name, {}).get("revision") == revision.number:
                shelf.serve(revision.number)
                return _applied(revision, host, context)
        return None

    def serve(self, shelf: Revisions, revision: Revision, context: TaskContext) -> Applied:
        """Have the host probe a revision and switch to it."""
        asked = revision.operation
        key = context.secret(asked.api_key) if asked.api_key else None
        context.progress("starting the host")
        host = ensure(context.state, cast(HostSettings, context.settings))
        context.progress(f"probing revision {revision.number}")
        _switch(host, asked.name, revision, key)
        shelf.serve(revision.number)
        return _applied(revision, host, context)

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


def _switch(host: Running, name: str, revision: Revision, key: str | None) -> None:
    request = {"do": "deploy", "name": name, "revision": revision.number, "api_key": key}
    try:
        answer: dict[str, Any] = host.ask(request, _DEPLOY_SECONDS)
    except OSError as error:
        answer = {"error": f"the host does not answer: {error}"}
    if "error" in answer:
        raise refused(revision, answer["error"])


def _applied(revision: Revision, host: Running, context: TaskContext) -> Applied:
    url = f"{host.url}/{short(revision.operation.name)}"
    return applied(revision, url, "host", {"host": host.url}, context)
