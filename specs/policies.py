"""Policies: where the values of tagged columns may not go, and what ends a tag."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from specs.base import Items, Spec

TAG = r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$"

Tag = Annotated[
    str,
    Field(
        pattern=TAG,
        max_length=100,
        description="Words with dots between them: `pii` stands for `pii.email` too.",
        examples=["pii", "pii.email", "health"],
    ),
]
Sink = Literal[
    "datasets", "features", "target", "predictions", "profile", "prediction_log", "report", "alerts"
]
SINKS: tuple[str, ...] = get_args(Sink)


class Aggregate(Spec):
    """A statistic over groups of rows, none smaller than this."""

    aggregate: int = Field(
        ge=2,
        le=1_000_000,
        description="Rows in the smallest group that is kept: `having count(*) >= 10`.",
    )


Declassifier = Literal["hash", "truncate", "bucket", "model"] | Aggregate


class Policy(Spec):
    """What may not be done with columns that have a tag.

    A tag flows along column lineage into everything that is computed from the
    column. It ends where the column does (`drop`, or a query that leaves it
    out), and where a treatment of ``until`` is applied.
    """

    deny: Annotated[Items[Sink], Field(min_length=1)] = Field(
        description="Where its values may not go. datasets: published tables of datasets; "
        "features, target: what a model learns from; predictions: scored tables; profile: "
        "sketches of a table; prediction_log: what is kept of live traffic; report: values shown "
        "in reports, such as slices and groups of fairness; alerts: columns that monitors tell of.",
        examples=[["features", "prediction_log", "profile"]],
    )
    until: Items[Declassifier] = Field(
        default=(),
        description="What ends the tag: hash (keyed), truncate and bucket are steps of "
        "`datasets.*.clean`; aggregate: statistics of groups that SQL keeps only where they are "
        "large enough; model: what a model answers.",
        examples=[["hash", {"aggregate": 10}]],
    )
    description: str | None = Field(default=None, description="Why it is so, in a sentence.")
