"""Notifications: where events are told."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from specs.base import Block, Items

EventType = Literal[
    "run.finished",
    "run.failed",
    "gate.failed",
    "model.registered",
    "deployment.changed",
    "data.rejected",
    "data.warning",
    "drift.detected",
]


class Notification(Block):
    """A webhook that gets CloudEvents, or the event log."""

    url: str | None = Field(
        default=None,
        min_length=1,
        description="http or https; may hold ${secret:NAME}.",
        examples=["${secret:OPS_WEBHOOK}"],
    )
    log: bool = Field(default=False, description="Append to .stackc/events.log.")
    headers: dict[str, str] = Field(default={}, description="Sent along; may hold secrets.")
    events: Items[EventType] = Field(
        default=(),
        description="Events it always gets; monitors name it in `on_alert` besides.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is not None) == self.log:
            raise ValueError("give exactly one of `url`, `log: true`")
        if self.headers and self.url is None:
            raise ValueError("`headers` go with `url`")
        return self
