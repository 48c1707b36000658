"""Operations that compare profiles, raise alerts and tell the channels."""

from __future__ import annotations

from compiler.graph.operations.operation import Operation


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


class Alert(Operation, frozen=True):
    """Raise an event when a drift document says so, once per document. Inputs: ``drift``."""

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
