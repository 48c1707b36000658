"""Operations that compare profiles, raise alerts and tell the channels."""

from __future__ import annotations

from compiler.graph.operations.operation import Operation
from compiler.graph.types import Task


class CompareProfiles(Operation, frozen=True):
    """Distance of each window's columns from the reference. Inputs: ``reference``, ``current``.

    ``method``: auto (by column type), psi, ks, hellinger, chi_square.
    ``nulls`` and ``unknown`` are shares of a column's values that alert by
    themselves: nulls beyond the reference's, and values that it never had.
    Outputs: ``drift`` (document).
    """

    capability = "profile"
    category = "re-monitor"
    columns: tuple[str, ...]
    method: str
    threshold: float
    nulls: float | None = None
    unknown: float | None = None


class Labels(Operation, frozen=True):
    """What was true of each row that ``key`` names, one row a key; rows without a label left out.

    Inputs: ``table``. Outputs: ``table`` (the key, then the label).
    """

    capability = "query"
    category = "re-monitor"
    key: tuple[str, ...]
    label: str


class Measure(Operation, frozen=True):
    """A metric of answers that were given, held against the labels found by ``key``.

    ``bound`` is the worst value that it may have, by the metric's direction; with fewer
    than ``min_rows`` labelled rows nothing is judged. Each answer counts, also where a
    key was asked for twice. Inputs: ``answers`` (what ``model`` has predicted), ``labels``,
    ``model``. Outputs: ``performance`` (document of one window). Of a deployment there is no
    ``model``, and an input for each window: what was kept of its answers.
    """

    capability = "predict"
    category = "re-monitor"
    metric: str
    bound: float
    task: Task
    key: tuple[str, ...]
    label: str
    min_rows: int


class Alert(Operation, frozen=True):
    """Raise an event when a document says so, once per document.

    Inputs: ``drift`` or ``performance``.
    """

    capability = "notify"
    category = "re-monitor"
    kind = "resource"
    monitor: str
    notify: tuple[str, ...]


class Channel(Operation, frozen=True):
    """Where events go: a webhook or the log; secrets stay references.

    Events are delivered from the outbox, and the runs themselves where ``format``
    is openlineage; reconciling it changes nothing outside.
    """

    capability = "notify"
    category = "notify"
    kind = "resource"
    name: str
    url: str | None
    headers: tuple[tuple[str, str], ...] = ()
    events: tuple[str, ...] = ()
    format: str = "cloudevents"
