"""The resource Deploy on Ray Serve: a revision that its replicas answer with."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import ClassVar, cast

from msgspec import to_builtins

from backends.ray import OWNER, RaySettings
from backends.ray.cluster import join
from backends.ray.replica import Served, key_digest
from backends.ray.serve import (
    Frontend,
    answer,
    applications,
    ensure_serve,
    last_front,
    remove,
    told,
)
from backends.ray.step import called, seed_of
from backends.ray.told import tell, there
from backends.serving.deployed import Limits
from backends.serving.revised import RevisedDeployments, applied, refused, short
from backends.serving.revisions import Revision, Revisions, deployments
from backends.shelf import names
from compiler.backend import Applied, Json, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine.tasks import Call

_SEEN_SECONDS = 60.0


class Deployments(RevisedDeployments):
    """Reconciles what Ray Serve runs; the same model with the same limits is no new revision.

    Whether one is there is asked over HTTP, as its users ask: no cluster is joined to look.
    """

    owner: ClassVar[str] = OWNER

    def read(self, attributes: Mapping[str, Json], context: TaskContext) -> bool:
        """Whether this revision answers, to this key."""
        if not there(context):
            return False
        url, reference, number = attributes["url"], attributes["api_key"], attributes["revision"]
        bare = answer(url, None)
        if bare is None:
            return False
        if reference is None:
            return bool(bare.revision == number)
        if bare.status != 401:
            return False
        try:
            key = context.secret(reference)
        except StackcError:
            # Who only looks may not know the secret; who applies is told.
            return True
        found = answer(url, key)
        return found is not None and bool(found.revision == number)

    def find(self, operation_id: str, context: TaskContext) -> Applied | None:
        """The revision that an interrupted apply made, if it answers."""
        front = last_front(context.state)
        if front is None or not there(context):
            return None
        for name in names(deployments(context.state, OWNER)):
            shelf = Revisions(context.state, name, OWNER)
            revision = shelf.by_operation(operation_id)
            if revision is not None and _answers(revision, front, context):
                shelf.serve(revision.number)
                return _applied(revision, front, context)
        return None

    def serve(self, shelf: Revisions, revision: Revision, context: TaskContext) -> Applied:
        """Have a revision probed and Serve turn to it."""
        key = _key(revision, context)
        join(context)
        front = ensure_serve(context.state, cast(RaySettings, context.settings))
        _refuse_foreign(revision.operation.name, front, context)
        served = _told(revision, shelf.model(revision.number), key)
        context.progress(f"probing revision {revision.number}")
        _probe(served, shelf.golden(revision.number), revision, context)
        context.progress(f"turning to revision {revision.number}")
        _turn(shelf, served, revision, front, context)
        shelf.serve(revision.number)
        return _applied(revision, front, context)

    def delete(
        self,
        attributes: Mapping[str, Json],
        operation_id: str,  # noqa: ARG002
        context: TaskContext,
    ) -> None:
        """Serve it no more; a private cluster ends by itself after its last deployment."""
        if there(context):
            join(context)
            remove(short(attributes["name"]))
        Revisions(context.state, attributes["name"], OWNER).clear()


def _key(revision: Revision, context: TaskContext) -> str | None:
    reference = revision.operation.api_key
    return context.secret(reference) if reference else None


def _told(revision: Revision, model: Path, key: str | None) -> Served:
    operation, salt = revision.operation, secrets.token_hex(16)
    return Served(
        name=short(operation.name),
        revision=revision.number,
        model=str(model.resolve()),
        digest=revision.digest,
        threshold=operation.threshold,
        limits=Limits(operation.queue, operation.rows, operation.timeout_s, operation.drained_s),
        salt=salt,
        key=key_digest(salt, key) if key is not None else None,
        beside=operation.key,
    )


def _refuse_foreign(name: str, front: Frontend, context: TaskContext) -> None:
    """On a cluster that is shared, a name may be somebody else's."""
    if short(name) not in applications():
        return
    ours, served = deployments(context.state, OWNER).resolve(), told(short(name))
    if served is None or not Path(served.model).is_relative_to(ours):
        raise fail(
            Code.DEPLOYMENT_FAILED,
            f"the cluster's Ray Serve at {front.url} has an application `{short(name)}` already",
            help="call the deployment otherwise, or delete that application",
        )


def _probe(served: Served, golden: Path, revision: Revision, context: TaskContext) -> None:
    arguments = (to_builtins(served), str(golden.resolve()))
    wrong: str | None = called(
        Call("backends.ray.replica:probe", None, arguments, seed_of(context)), context
    )
    if wrong is not None:
        raise refused(revision, wrong)


def _turn(
    shelf: Revisions, served: Served, revision: Revision, front: Frontend, context: TaskContext
) -> None:
    """Have Serve run it; back to what it ran before where that does not come up."""
    try:
        tell(served, revision, context)
        _await(revision, front, context)
    except Exception as error:
        _restore(shelf, served, context)
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise refused(revision, lines[0] if lines else type(error).__name__) from None


def _await(revision: Revision, front: Frontend, context: TaskContext) -> None:
    """Until the ingress has heard of it."""
    until = monotonic() + _SEEN_SECONDS
    while not _answers(revision, front, context):
        if monotonic() > until:
            raise TimeoutError(f"Ray Serve does not answer at {_url(revision, front)}")
        sleep(0.1)


def _answers(revision: Revision, front: Frontend, context: TaskContext) -> bool:
    try:
        found = answer(_url(revision, front), _key(revision, context))
    except StackcError:
        # Without its secret it cannot be asked; who applies it again is told so.
        return False
    return found is not None and found.revision == revision.number


def _restore(shelf: Revisions, served: Served, context: TaskContext) -> None:
    former = shelf.current()
    if former is None:
        remove(served.name)
    else:
        key = _key(former, context)
        tell(_told(former, shelf.model(former.number), key), former, context)


def _url(revision: Revision, front: Frontend) -> str:
    return f"{front.url}/{short(revision.operation.name)}"


def _applied(revision: Revision, front: Frontend, context: TaskContext) -> Applied:
    url = _url(revision, front)
    return applied(revision, url, "ray", {"url": url}, context)
