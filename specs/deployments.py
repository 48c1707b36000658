"""Deployments: a registered model behind HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from specs.base import Block, Duration, Name, Spec
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
