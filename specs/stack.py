"""The spec, whole."""

from __future__ import annotations

from typing import Any, Literal

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
    name: Name
    sources: dict[Name, Source] = Field(default={})
    validation: dict[Name, Items[Rule]] = Field(default={})
    datasets: dict[Name, Dataset] = Field(default={})
    models: dict[Name, Model] = Field(default={})
    predictions: dict[Name, Prediction] = Field(default={})
    deployments: dict[Name, Deployment] = Field(default={})
    monitors: dict[Name, Monitor] = Field(default={})
    notifications: dict[Name, Notification] = Field(default={})
    policies: dict[Tag, Policy] = Field(
        default={}, description="By tag: where the values of columns that have it may not go."
    )


def json_schema() -> dict[str, Any]:
    """The language as JSON Schema (2020-12), for editors."""
    schema = Stack.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "stackc spec"
    schema["properties"]["defaults"] = {
        "type": "array",
        "description": "Hydra defaults list: config groups that this spec is composed from.",
    }
    return schema
