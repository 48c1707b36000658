"""Operations that put a model behind an endpoint and watch it there."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from compiler.graph.operations.operation import Operation
from compiler.graph.operations.watching import CompareProfiles, Measure


class Golden(Operation, frozen=True):
    """Requests with the answers that the evaluation gave them, to ask a server before it serves.

    ``rows`` of the part, spread evenly; the label by ``threshold``. Inputs:
    ``model``, ``table``. Outputs: ``golden`` (document).
    """

    capability = "predict"
    category = "redeploy"
    rows: int = 20
    threshold: float = 0.5


class AbortIf(Struct, frozen=True):
    """``metric op bound`` of a canary; with ``former``, that times the former revision's added.

    ``metric``: error_rate, p50_ms, p99_ms.
    """

    text: str
    metric: str
    op: Literal[">=", ">"]
    bound: float
    former: float = 0.0


class Rollout(Struct, frozen=True):
    """A new revision answers ``canary`` percent of the requests before it answers all.

    It is judged after ``for_s`` seconds and ``requests`` answers; any of ``abort_if`` aborts.
    """

    canary: int
    for_s: int
    requests: int
    abort_if: tuple[AbortIf, ...]


def usual_drain(timeout_s: int) -> int:
    """Seconds that requests at work are given where a spec does not say."""
    return max(15, timeout_s)


class Deploy(Operation, frozen=True):
    """Serve a model over HTTP; a version whose golden answers differ fails it.

    ``api_key`` is a reference to a secret; ``replicas`` the least and the most
    copies; ``queue`` how many requests a copy takes on, ``rows`` how many rows
    one may have, ``timeout_s`` how long it may take; ``drain_s`` is how long
    those at work are given when their revision is replaced (None: the usual),
    ``rollout`` how one takes another's place; ``key`` are columns, by name and type,
    that a request may carry to say which row it is of. Inputs: ``model``, ``golden``.
    Outputs: ``endpoint``.
    """

    capability = "serve"
    category = "redeploy"
    kind = "resource"
    later = ("drain_s", "rollout", "key")
    name: str
    threshold: float
    api_key: str | None = None
    replicas: tuple[int, int] = (1, 1)
    queue: int = 64
    rows: int = 1000
    timeout_s: int = 10
    drain_s: int | None = None
    rollout: Rollout | None = None
    key: tuple[tuple[str, str], ...] = ()

    @property
    def drained_s(self) -> int:
        """Seconds that requests at work are given."""
        return usual_drain(self.timeout_s) if self.drain_s is None else self.drain_s


class Watch(Operation, frozen=True):
    """Profile what a deployment is asked and answers, in windows of ``window_s`` seconds.

    ``compare`` says how ``stackc monitor`` holds each window against the
    reference, ``notify`` whom it tells. With ``measure`` what was answered is kept
    too, until labels came, or ``within_s`` seconds after the window's end. Inputs:
    ``endpoint``, ``reference``, and ``labels`` with ``measure``. Outputs: ``drift``
    and with ``measure`` ``performance`` (documents of the windows judged so far).
    """

    capability = "serve"
    category = "re-monitor"
    kind = "resource"
    later = ("measure", "within_s")
    monitor: str
    deployment: str
    window_s: int
    compare: CompareProfiles
    notify: tuple[str, ...] = ()
    measure: Measure | None = None
    within_s: int = 0
