"""The resource Watch: the host sketches what a deployment is asked, window by window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backends.host.process import OWNER, answering, running
from backends.serving.watches import Watches, silent
from compiler.backend import Json, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import Watch

_ANSWER_SECONDS = 30.0


class HostWatches(Watches):
    """The host is told over its control socket."""

    owner: ClassVar[str] = OWNER

    def watching(self, context: TaskContext) -> Mapping[str, str] | None:
        """What the host says that it records."""
        found = answering(context.state)
        return None if found is None else found[1]["watching"]

    def begin(self, operation: Watch, context: TaskContext) -> None:
        """Have the host read the monitor's folder."""
        _told({"do": "watch", "name": operation.monitor}, context)

    def end(self, monitor: str, context: TaskContext) -> None:
        """Have the host forget it."""
        _told({"do": "unwatch", "name": monitor}, context)

    def close(self, monitor: str, context: TaskContext) -> float:
        """Have the host begin another window; when it did, in milliseconds."""
        return float(_told({"do": "close", "name": monitor}, context)["at"])


def _told(request: Mapping[str, Json], context: TaskContext) -> dict[str, Any]:
    host, monitor = running(context.state), request["name"]
    if host is None:
        raise silent(monitor)
    try:
        answer = host.ask(request, _ANSWER_SECONDS)
    except OSError:
        raise silent(monitor) from None
    if "error" in answer:
        raise fail(
            Code.DEPLOYMENT_FAILED,
            f"the host cannot watch for `{monitor}`: {answer['error']}",
            help="apply again",
        )
    return answer
