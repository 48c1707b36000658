"""The spec, whole."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from specs.base import Block, Items, Name
from specs.datasets import Dataset
from specs.deployments import Deployment
from specs.models import Model
from specs.monitors import Monitor
from specs.notifications import Notification
from specs.policies import Policy, Tag
from specs.predictions import Prediction
from specs.sources import Source
from specs.validation import Rule

LANGUAGE = 1
KINDS = (
    "sources", "validation", "datasets", "models", "predictions", "deployments", "monitors",
    "notifications",
)  # fmt: skip


class Stack(Block):
    """A machine-learning stack."""

    stackc: Literal[1] = Field(description="The language's version.")
    name: Name = Field(
        description="What the stack is called: lower-case letters, digits, underscores."
    )
    sources: dict[Name, Source] = Field(
        default={}, description="Tables from outside: files, and queries on databases."
    )
    validation: dict[Name, Items[Rule]] = Field(
        default={}, description="By table: rules that hold before anybody reads it."
    )
    datasets: dict[Name, Dataset] = Field(
        default={}, description="Tables made from others by SQL and cleaning, and their parts."
    )
    models: dict[Name, Model] = Field(
        default={}, description="What is learned from a dataset, and what it has to reach."
    )
    predictions: dict[Name, Prediction] = Field(
        default={}, description="Tables scored with a model."
    )
    deployments: dict[Name, Deployment] = Field(default={}, description="Models behind HTTP.")
    monitors: dict[Name, Monitor] = Field(
        default={}, description="Tables and live traffic held against what a model learned from."
    )
    notifications: dict[Name, Notification] = Field(
        default={}, description="Where events are told: webhooks, and the event log."
    )
    policies: dict[Tag, Policy] = Field(
        default={}, description="By tag: where the values of columns that have it may not go."
    )
