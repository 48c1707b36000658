"""The JSON documents that steps make and reports read, field by field."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class RuleResult(TypedDict):
    """One rule's outcome: ``broken`` of ``rows`` rows; ``examples`` shows up to five values."""

    name: str
    kind: str
    columns: list[str]
    rows: int
    broken: int
    share: float
    tolerance: float
    passed: bool
    on_failure: str
    detail: str
    examples: list[Any]


class Verdict(TypedDict):
    """A table held against its rules; ``blocked`` when a blocking rule failed."""

    rows: int
    blocked: bool
    rules: list[RuleResult]


class Version(TypedDict):
    """A published version: ``number`` counts from 1 per table."""

    name: str
    number: int
    digest: str
    rows: int
    columns: list[str]
    created: str


class Importance(TypedDict):
    """A feature's share of the estimator's own importance; shares sum to 1."""

    feature: str
    value: float


class Training(TypedDict):
    """How a fit went. ``curve``: metric name to one value per round; ``seconds`` of the bare fit.

    ``fidelity`` is the largest difference between the framework's and the
    ONNX graph's predictions on a sample of the training rows.
    """

    algorithm: str
    parameters: dict[str, Any]
    rows: int
    features: int
    classes: list[Any]
    rounds: int | None
    curve: dict[str, list[float]]
    importances: list[Importance]
    seconds: float
    fidelity: float


class Trial(TypedDict):
    """One setting that was tried: its value of the metric, None where it failed or was given up.

    ``status``: done, pruned (fell behind), failed. ``rounds`` it was fitted for.
    """

    number: int
    parameters: dict[str, Any]
    value: float | None
    status: str
    rounds: int | None
    seconds: float


class Tuning(TypedDict):
    """A search: ``best`` are the winning parameters, ``value`` what they reached."""

    metric: str
    better: str
    best: dict[str, Any]
    value: float
    trials: list[Trial]
    seconds: float


class GoldenRows(TypedDict):
    """Requests and their answers as JSON, row for row; ``columns`` are the request's, in order."""

    columns: list[str]
    rows: list[dict[str, Any]]
    answers: list[dict[str, Any]]


class Endpoint(TypedDict):
    """Where a model answers; ``revision`` counts from 1 per deployment."""

    name: str
    url: str
    revision: int
    model: str
    backend: str


class Curve(TypedDict):
    """A polyline: ``roc`` (false, true positive rate), ``pr``, ``calibration``, ``residuals``."""

    x: list[float]
    y: list[float]


class Slice(TypedDict):
    """Metrics of the rows where ``column`` has ``value``; None where undefined for them."""

    column: str
    value: Any
    rows: int
    metrics: dict[str, float | None]


class Group(TypedDict):
    """The rows where the sensitive columns have these values, one for each column.

    ``rates`` are of its rows, None where one is of no row; a group that is not
    ``judged`` has too few rows to be held against others.
    """

    values: list[Any]
    rows: int
    judged: bool
    rates: dict[str, float | None]


class Disparity(TypedDict):
    """One fairness metric between the judged groups; ``remark`` says why it has no value.

    ``rate`` is what is furthest apart, between the groups of ``lowest`` and
    ``highest`` values.
    """

    metric: str
    value: float | None
    rate: str | None
    lowest: list[Any]
    highest: list[Any]
    remark: str


class Grouping(TypedDict):
    """Groups by one sensitive column, or by all of them at once; the largest come first.

    ``judged`` and ``small`` count all groups, of which ``groups`` has the
    largest and those that disparities are told of.
    """

    columns: list[str]
    groups: list[Group]
    judged: int
    small: int
    disparities: list[Disparity]


class Fairness(TypedDict):
    """How far apart groups are treated; groups below ``min_rows`` are not judged."""

    min_rows: int
    groupings: list[Grouping]


class Metrics(TypedDict):
    """An evaluation. ``confusion``: rows are truth, columns prediction, in ``classes`` order.

    ``metrics`` has those of ``fairness``, too: of all groupings the worst.
    """

    task: str
    rows: int
    metrics: dict[str, float | None]
    slices: list[Slice]
    classes: list[Any]
    confusion: list[list[int]]
    curves: dict[str, Curve]
    threshold: float
    fairness: NotRequired[Fairness]


class GateResult(TypedDict):
    """One gate: ``value op bound``; ``champion`` is its champion's value where it has one."""

    text: str
    metric: str
    op: str
    value: float | None
    bound: float | None
    champion: float | None
    passed: bool
    detail: str


class Gates(TypedDict):
    """All gates of a model; ``champion`` is the digest of the model it was held against."""

    passed: bool
    champion: str | None
    gates: list[GateResult]


class Registration(TypedDict):
    """A registered model version, and what it was made from.

    ``followed`` is the digest of the champion before it. ``data`` is the
    digest of the published table of the block ``dataset``.
    """

    name: str
    version: int
    digest: str
    followed: str | None
    metrics: dict[str, float | None]
    algorithm: str
    parameters: dict[str, Any]
    dataset: str
    data: str
    created: str


class ColumnDrift(TypedDict):
    """One column of one window. ``distance`` is None where there is too little to compare.

    ``reference`` and ``current``: shares per bin (``bins`` names or edges).
    ``nulls``: share of nulls in the window, and by how much it exceeds the
    reference's; ``unknown``: share of values that the reference never had,
    None where they are not counted.
    """

    column: str
    method: str
    distance: float | None
    nulls: float
    more_nulls: float
    unknown: float | None
    drifted: bool
    detail: str
    bins: list[Any]
    reference: list[float]
    current: list[float]


class WindowDrift(TypedDict):
    """One window against the reference."""

    window: str
    rows: int
    drifted: list[str]
    columns: list[ColumnDrift]


class WindowPerformance(TypedDict):
    """One window's answers against the labels that came.

    ``rows`` were answered and have a key, ``labelled`` of them have a label; ``left_out`` were
    answered without a key, or kept for another key or metric, and ``strange`` have a label that
    the model does not know. ``value`` of ``metric`` is None where it was not measured, or is
    undefined for these rows; ``detail`` says why.
    """

    window: str
    metric: str
    bound: float
    rows: int
    labelled: int
    left_out: int
    strange: int
    value: float | None
    dropped: bool
    detail: str


class Performance(TypedDict):
    """A monitor's performance; ``alert`` when it dropped in any window."""

    metric: str
    better: str
    bound: float
    alert: bool
    windows: list[WindowPerformance]


class Drift(TypedDict):
    """A monitor's comparison; ``alert`` when any window drifted."""

    method: str
    threshold: float
    reference_rows: int
    alert: bool
    windows: list[WindowDrift]
