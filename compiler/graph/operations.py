"""What a node can do: one frozen class an operation, its fields its pure parameters.

A *step* is a pure function of its inputs: content-addressed, cached, safe to
repeat. A *resource* lives outside the store and is reconciled with what is
really there. ``capability`` names what a backend must offer to run it;
``observes`` names what of the outside world belongs to its key, asked at plan
time; ``forwards`` names outputs that are an input's very value, so that readers
are keyed by where the value comes from and not by the node it passed through
(a stricter rule or gate retrains nothing); ``version`` rises when the meaning
of the implementation changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from msgspec import Struct

from compiler.graph.types import Column, Task

Scalar: TypeAlias = str | int | float | bool | None
Params: TypeAlias = tuple[tuple[str, Scalar], ...]
"""Sorted names and values of an open set of parameters."""


def params(values: Mapping[str, Scalar]) -> Params:
    """Freeze a mapping of parameters."""
    return tuple(sorted(values.items()))


class Operation(Struct, frozen=True):
    """What every operation says of itself."""

    capability: ClassVar[str]
    category: ClassVar[str]
    kind: ClassVar[Literal["step", "resource"]] = "step"
    observes: ClassVar[bool] = False
    forwards: ClassVar[Mapping[str, str]] = {}
    version: ClassVar[int] = 1


class ReadFiles(Operation, frozen=True):
    """Ingest files into a staged table with exactly these columns.

    ``path`` is relative to the spec's folder and may be a glob. Observes the
    files' content. Outputs: ``table``.
    """

    capability = "read"
    category = "ingest"
    observes = True
    path: str
    format: str
    columns: tuple[Column, ...]
    options: Params = ()


class ReadDatabase(Operation, frozen=True):
    """Ingest a query's result into a staged table with exactly these columns.

    ``connection`` keeps its secrets as references. Observes the result's
    checksum. Outputs: ``table``.
    """

    capability = "read"
    category = "ingest"
    observes = True
    connection: str
    sql: str
    columns: tuple[Column, ...]


class Rule(Struct, frozen=True):
    """One validation rule in normal form.

    ``kind``: not_null, unique, between, in_set, matches, expression,
    row_count, references, freshness. ``columns`` are the columns judged;
    ``arguments`` what the kind needs: between ``low``/``high`` (either may be
    None), in_set ``values`` (JSON text of a list), matches ``pattern``,
    expression ``sql``, row_count ``min``/``max``, references ``input`` (name
    of the node input) and ``column``, freshness ``max_age_s``.
    ``tolerance`` is the share of rows that may break the rule.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    arguments: Params
    tolerance: float = 0.0
    on_failure: Literal["block", "quarantine", "warn"] = "block"


class Validate(Operation, frozen=True):
    """Judge a staged table in one scan.

    Inputs: ``table``, and a table for each ``references`` rule. Outputs:
    ``verdict`` (document).
    """

    capability = "query"
    category = "validate"
    rules: tuple[Rule, ...]


class Quarantine(Operation, frozen=True):
    """Set aside the rows of a staged table that break a rule of these.

    A step of its own, so that what is accepted is keyed by the rules that
    set rows aside and by no other. Inputs as for ``Validate``. Outputs:
    ``accepted`` and ``quarantined`` tables.
    """

    capability = "query"
    category = "validate"
    rules: tuple[Rule, ...]


class Publish(Operation, frozen=True):
    """Make a table the version of ``name`` that downstream nodes see.

    Inputs: ``table``, and ``verdict`` where there are rules; a blocking
    verdict fails it. Outputs: ``table``, ``version`` (document).
    """

    capability = "version"
    category = "publish"
    kind = "resource"
    forwards = {"table": "table"}
    name: str


class Query(Operation, frozen=True):
    """SQL over tables. Inputs: a table for each name the SQL uses. Outputs: ``table``."""

    capability = "query"
    category = "query"
    sql: str


class CleanStep(Struct, frozen=True):
    """One cleaning step: drop_duplicates, fill_null, clip, trim or cast.

    ``arguments``: column name to value (fill_null: the value, clip: JSON
    ``[low, high]``, cast: the type); drop_duplicates and trim use ``columns``.
    """

    kind: str
    columns: tuple[str, ...] = ()
    arguments: Params = ()


class Clean(Operation, frozen=True):
    """Cleaning steps in order. Inputs: ``table``. Outputs: ``table``."""

    capability = "query"
    category = "query"
    steps: tuple[CleanStep, ...]


class Split(Operation, frozen=True):
    """Parts of a table, in the table's order.

    By fractions (seeded; within each value of ``stratify``; rows with equal
    ``group`` columns stay together) or by SQL predicates; exactly one of the
    two is given. Inputs: ``table``. Outputs: a table per part name.
    """

    capability = "query"
    category = "split"
    fractions: tuple[tuple[str, float], ...] = ()
    predicates: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    stratify: str | None = None
    group: tuple[str, ...] = ()


class Window(Struct, frozen=True):
    """Rows that are looked at: all, those of ``where``, or one window per value of ``by``."""

    where: str | None = None
    by: str | None = None


class Profile(Operation, frozen=True):
    """Sketches of the columns, one set per window. Inputs: ``table``. Outputs: ``profile``."""

    capability = "profile"
    category = "profile"
    columns: tuple[str, ...]
    window: Window = Window()


class FeatureSpec(Struct, frozen=True):
    """One feature: a row-level expression and how it is fitted into the matrix.

    ``impute``: none, mean, median, most_frequent, constant (``fill``).
    ``scale``: none, standard, min_max, robust. ``encode``: none (numbers),
    one_hot, ordinal. Values rarer than ``min_frequency`` (share of training
    rows) or beyond ``max_categories`` are one ``rare`` category together with
    those unknown at fitting; null is a category of its own when encoded.
    """

    name: str
    expression: str
    impute: str = "none"
    fill: Scalar = None
    scale: str = "none"
    encode: str = "none"
    min_frequency: float = 0.0
    max_categories: int = 64


class FitFeatures(Operation, frozen=True):
    """Fit the preprocessing on the training part; features and fit become one ONNX graph.

    Inputs: ``train``. Outputs: ``features``.
    """

    capability = "train"
    category = "retrain"
    features: tuple[FeatureSpec, ...]
    request: tuple[Column, ...]


class Dimension(Struct, frozen=True):
    """The values one parameter may take: from ``low`` to ``high``, or one of ``choices``.

    ``whole`` numbers only; ``log`` searches by orders of magnitude.
    """

    name: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Scalar, ...] = ()
    whole: bool = False
    log: bool = False


class Tune(Operation, frozen=True):
    """Search an algorithm's parameters, judged by ``metric`` on the validation part.

    Inputs: ``features``, ``train``, ``validation``. Outputs: ``tuning``
    (document: trials, the best parameters).
    """

    capability = "tune"
    category = "retrain"
    task: Task
    target: str
    algorithm: str
    parameters: Params
    space: tuple[Dimension, ...]
    metric: str
    trials: int
    search: Literal["tpe", "random"] = "tpe"
    scheduler: Literal["asha", "none"] = "asha"
    timeout_s: int | None = None
    class_weight: str | None = None
    early_stopping: int | None = None
    seed: int = 0


class Train(Operation, frozen=True):
    """Fit an estimator on the matrix of the features and convert it to ONNX.

    Inputs: ``features``, ``train``, ``validation`` where early stopping asks
    for it, and ``tuning``, whose best parameters stand over ``parameters``.
    Outputs: ``estimator``, ``training`` (document: curves, importances, rows,
    seconds, classes).
    """

    capability = "train"
    category = "retrain"
    task: Task
    target: str
    algorithm: str
    parameters: Params
    class_weight: str | None = None
    early_stopping: int | None = None
    seed: int = 0


class Package(Operation, frozen=True):
    """Join features and estimator to one model that takes raw columns.

    Inputs: ``features``, ``estimator``. Outputs: ``model``.
    """

    capability = "train"
    category = "retrain"
    target: Column
    task: Task


class Evaluate(Operation, frozen=True):
    """Score a held-out part with the packaged model. Inputs: ``model``, ``table``.

    Outputs: ``metrics`` (document: overall, slices, curves, confusion, rows).
    """

    capability = "predict"
    category = "re-evaluate"
    metrics: tuple[str, ...]
    target: str
    slices: tuple[str, ...] = ()
    threshold: float = 0.5


class Gate(Struct, frozen=True):
    """``metric op bound``; against the champion where ``champion``: bound is then the offset."""

    text: str
    metric: str
    op: Literal[">=", ">", "<=", "<"]
    bound: float
    champion: bool = False


class JudgeGates(Operation, frozen=True):
    """Hold the metrics against the gates.

    Inputs: ``model`` (the candidate), ``metrics``; with a champion gate also
    ``table`` (the part that the champion is scored on). Observes, where a gate
    asks for it, the digest of the registry's champion of ``name``; the
    candidate itself, once registered, is held against the champion that it
    followed. Outputs: ``gates`` (document).
    """

    capability = "register"
    category = "re-evaluate"
    observes = True
    name: str
    gates: tuple[Gate, ...]
    evaluation: Evaluate


class Register(Operation, frozen=True):
    """Make a packaged model the champion of ``name``; a failed gate fails it.

    Inputs: ``model``, ``metrics``, and ``gates`` where there are any.
    Outputs: ``model``, ``registration`` (document).
    """

    capability = "register"
    category = "register"
    kind = "resource"
    forwards = {"model": "model"}
    name: str


class Score(Operation, frozen=True):
    """A model over a table. Inputs: ``model``, ``table``.

    Outputs: ``table``: the kept columns, then the model's response columns.
    """

    capability = "predict"
    category = "score"
    keep: tuple[str, ...]
    threshold: float = 0.5


class Golden(Operation, frozen=True):
    """Requests with the answers that the evaluation gave them, to ask a server before it serves.

    ``rows`` of the part, spread evenly; the label by ``threshold``. Inputs:
    ``model``, ``table``. Outputs: ``golden`` (document).
    """

    capability = "predict"
    category = "redeploy"
    rows: int = 20
    threshold: float = 0.5


class Deploy(Operation, frozen=True):
    """Serve a model over HTTP; a version whose golden answers differ fails it.

    ``api_key`` is a reference to a secret; ``replicas`` the least and the most
    copies; ``queue`` how many requests a copy takes on, ``rows`` how many rows
    one may have, ``timeout_s`` how long it may take. Inputs: ``model``,
    ``golden``. Outputs: ``endpoint``.
    """

    capability = "serve"
    category = "redeploy"
    kind = "resource"
    name: str
    threshold: float
    api_key: str | None = None
    replicas: tuple[int, int] = (1, 1)
    queue: int = 64
    rows: int = 1000
    timeout_s: int = 10


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


class Watch(Operation, frozen=True):
    """Profile what a deployment is asked and answers, in windows of ``window_s`` seconds.

    ``compare`` says how ``stackc monitor`` holds each window against the
    reference, ``notify`` whom it tells. Inputs: ``endpoint``, ``reference``.
    """

    capability = "serve"
    category = "re-monitor"
    kind = "resource"
    monitor: str
    deployment: str
    window_s: int
    compare: CompareProfiles
    notify: tuple[str, ...] = ()


class Alert(Operation, frozen=True):
    """Raise an event when a drift document says so, once per document. Inputs: ``drift``."""

    capability = "notify"
    category = "re-monitor"
    kind = "resource"
    monitor: str
    notify: tuple[str, ...]


class Channel(Operation, frozen=True):
    """Where events go: a webhook or the log; secrets stay references.

    Events are delivered from the outbox; reconciling it changes nothing outside.
    """

    capability = "notify"
    category = "notify"
    kind = "resource"
    name: str
    url: str | None
    headers: tuple[tuple[str, str], ...] = ()
    events: tuple[str, ...] = ()
