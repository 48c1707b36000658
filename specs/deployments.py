"""Deployments: a registered model behind HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from specs.base import Block, ColumnName, Duration, Items, Name, Spec
from specs.secrets import SecretReference

Count = Annotated[int, Field(ge=1, le=1000)]


class Replicas(Spec):
    """How many copies serve: as many as the load needs, within these bounds."""

    min: Count = Field(default=1, description="Copies that always serve.")
    max: Count = Field(description="Most copies at once.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise ValueError("`min` is above `max`")
        return self


class Auth(Spec):
    """Who may ask: requests carry the key in the header `X-API-Key` or as a bearer token."""

    api_key: SecretReference


class Limits(Spec):
    """What one copy takes on; more is refused at once instead of being answered late."""

    queue: int = Field(
        default=64, ge=1, le=100_000, description="Requests at work or waiting; then 503."
    )
    rows: int = Field(default=1000, ge=1, le=1_000_000, description="Rows in one request.")
    timeout: Duration = Field(default="10s", description="How long one request may take.")
    drain: Duration | None = Field(
        default=None,
        description="How long requests at work are given when their revision is replaced or the "
        "server stops; 15s, or `timeout` where that is longer, when left out.",
    )


class Rollout(Spec):
    """A new revision answers a share of the requests first, and is judged by what it answered.

    It is promoted to all of them once `for` has passed and `requests` were answered, unless
    `abort_if` holds by then; from `requests` on it is aborted as soon as that holds.
    """

    canary: int = Field(description="Share of the requests in percent, 1 to 99.", examples=[10])
    for_: Duration = Field(
        default="10m", alias="for", description="How long it answers before it is promoted."
    )
    requests: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="How many it has to have answered before it is judged; what a client asked "
        "wrongly (4xx) is none of them.",
    )
    abort_if: str | Annotated[Items[str], Field(min_length=1)] = Field(
        default="error_rate > former + 0.01",
        description="When the former revision serves on alone: `error_rate` (share of 5xx, and of "
        "requests refused that the former takes), `p50_ms` or `p99_ms` of the canary against a "
        "number, or against the former's of the same time. Of a list any one aborts.",
        examples=[["error_rate > 0.01", "p99_ms > 2 * former"]],
    )


class Deployment(Block):
    """A model that answers requests: raw columns in, predictions out.

    What is served is the very file that was evaluated; a new version is first
    asked what the evaluation asked, and answers only if it answers the same.
    """

    model: Name = Field(description="A model of this spec.", examples=["late"])
    replicas: Count | Replicas = Field(
        default=1, description="Copies of the model, as a number or within bounds."
    )
    auth: Auth | None = Field(default=None, description="Open to all who reach it when left out.")
    limits: Limits = Field(default=Limits(), description="What one copy takes on.")
    rollout: Rollout | None = Field(
        default=None,
        description="How a revision whose answers may differ takes the place of the one that "
        "serves; at once when left out.",
        examples=[{"canary": 10, "for": "10m", "requests": 100, "abort_if": "error_rate > 0.01"}],
    )
    key: ColumnName | Annotated[Items[ColumnName], Field(min_length=1)] | None = Field(
        default=None,
        description="Columns of the model's dataset whose values together name a row. A request "
        "may carry them beside the raw columns; monitors with `performance` find a row's label by "
        "them.",
        examples=["flight_id"],
    )
