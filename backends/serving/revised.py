"""What every backend that serves does with a revision, and says of it: it answers, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from backends.serving.revisions import Revision, Revisions
from compiler.backend import Applied, Artifact, EventDraft, Json, Outcome, Standing, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.digest import canonical
from compiler.graph.documents import Endpoint
from compiler.graph.operations import Deploy


class RevisedDeployments:
    """Places revisions on the shelf of ``owner``; a backend says how one comes to serve."""

    owner: ClassVar[str]

    def serve(self, shelf: Revisions, revision: Revision, context: TaskContext) -> Applied:
        """Have a revision probed and turned to; raises StackcError where it does not serve."""
        raise NotImplementedError

    def apply(
        self,
        operation: Deploy,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        context: TaskContext,
    ) -> Applied:
        """Place the revision, have it probed, and turn to it.

        Raises:
            StackcError: The server does not come up, or the revision does not
                answer as it was evaluated (E717); what served before serves on.
        """
        shelf = Revisions(context.state, operation.name, self.owner)
        return self.serve(shelf, shelf.take(operation, inputs, operation_id), context)

    def standing(
        self,
        attributes: Mapping[str, Json],  # noqa: ARG002
        context: TaskContext,  # noqa: ARG002
    ) -> Standing | None:
        """Nothing: who cannot try a revision beside another refuses rollouts."""
        return None

    def rollback(
        self, attributes: Mapping[str, Json], operation_id: str, context: TaskContext
    ) -> Applied:
        """Turn back to the revision before the one that serves.

        Raises:
            StackcError: There is none (E608), or it does not serve (E717).
        """
        shelf = Revisions(context.state, attributes["name"], self.owner)
        return self.serve(shelf, shelf.bring_back(operation_id), context)


def short(name: str) -> str:
    """The path of a deployment: its name without the kind."""
    return name.removeprefix("deployments.")


def applied(
    revision: Revision, url: str, backend: str, where: Mapping[str, Json], context: TaskContext
) -> Applied:
    """A revision that answers at ``url``; ``where`` is what the backend finds it again by."""
    former = revision.rolled_back_from
    back = {} if former is None else {"rolled_back_from": former}
    told = "" if former is None else f", rolled back from {former}"
    event = changed(revision, url, f"answers at {url}{told}", back, context)
    return serving(revision, url, backend, {**where, **back}, back, event, context)


def changed(
    revision: Revision, url: str, said: str, data: Mapping[str, Json], context: TaskContext
) -> EventDraft:
    """``deployment.changed``: what a revision does from now on."""
    name, number = revision.operation.name, revision.number
    return EventDraft(
        type="deployment.changed",
        subject=context.address,
        message=f"{name} revision {number} {said}",
        data={"name": name, "revision": number, "url": url, "digest": revision.digest, **data},
    )


def serving(
    revision: Revision,
    url: str,
    backend: str,
    found_by: Mapping[str, Json],
    shown: Mapping[str, Json],
    event: EventDraft,
    context: TaskContext,
) -> Applied:
    """The deployment while a revision serves.

    Args:
        revision: The one that serves.
        url: Where it answers.
        backend: Who serves it.
        found_by: Attributes besides those of every deployment.
        shown: What its summary says besides.
        event: What is told of it.
        context: Of the task.
    """
    name, number = revision.operation.name, revision.number
    path = context.workdir / "endpoint.json"
    document = Endpoint(name=name, url=url, revision=number, model=revision.digest, backend=backend)
    path.write_bytes(canonical(document))
    attributes = {
        "name": name,
        "revision": number,
        "digest": revision.digest,
        "api_key": revision.operation.api_key,
        **found_by,
    }
    summary = {"url": url, "revision": number, **shown}
    return Applied(attributes, Outcome({"endpoint": path}, summary, (event,)))


def refused(revision: Revision, why: str) -> StackcError:
    """A revision does not serve (E717)."""
    return fail(
        Code.DEPLOYMENT_FAILED,
        f"`{revision.operation.name}` revision {revision.number} does not serve: {why}",
        help="what served before it serves on; apply again once this is mended",
    )
