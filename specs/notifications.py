"""Notifications: where events are told, and where lineage is."""

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
    "rollout.aborted",
    "data.rejected",
    "data.warning",
    "drift.detected",
    "performance.dropped",
]


class Notification(Block):
    """A webhook that gets CloudEvents or OpenLineage's run events, or a log of them."""

    url: str | None = Field(
        default=None,
        min_length=1,
        description="http or https; may hold ${secret:NAME}.",
        examples=["${secret:OPS_WEBHOOK}"],
    )
    log: bool = Field(
        default=False,
        description="Append to .stackc/events.log, or to .stackc/openlineage.jsonl.",
    )
    format: Literal["cloudevents", "openlineage"] = Field(
        default="cloudevents",
        description="What is told: the events it subscribes to, or each step that ran with its"
        " datasets and column lineage, as OpenLineage has it.",
    )
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
        if self.events and self.format != "cloudevents":
            raise ValueError("`events` go with `format: cloudevents`")
        return self
