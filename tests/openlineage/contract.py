"""Holds events to the classes that OpenLineage generates from its own JSON Schemas.

The package ships no schema; its classes have every property of them with its
type, and whether it is required. What is no property of a class, lacks one or
has another type is no event.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import attr
from openlineage.client import generated
from openlineage.client.event_v2 import RunEvent
from openlineage.client.generated.base import BaseFacet

KEYS = {
    "columnLineage": "ColumnLineageDatasetFacet",
    "dataQualityAssertions": "DataQualityAssertionsDatasetFacet",
    "dataQualityMetrics": "DataQualityMetricsInputDatasetFacet",
    "datasetType": "DatasetTypeDatasetFacet",
    "errorMessage": "ErrorMessageRunFacet",
    "jobType": "JobTypeJobFacet",
    "outputStatistics": "OutputStatisticsOutputDatasetFacet",
    "parent": "ParentRunFacet",
    "schema": "SchemaDatasetFacet",
    "sql": "SQLJobFacet",
    "tags": "TagsDatasetFacet",
    "version": "DatasetVersionDatasetFacet",
}
"""The property that each facet's schema says it stands under."""
SUBTYPES = {
    "DIRECT": {"IDENTITY", "TRANSFORMATION", "AGGREGATION"},
    "INDIRECT": {"JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL"},
}
"""The subtypes that the documentation of the facet knows."""


def _facets() -> dict[str, type]:
    for module in pkgutil.iter_modules(generated.__path__):
        importlib.import_module(f"{generated.__name__}.{module.name}")
    found: dict[str, type] = {}
    waiting: list[type] = [BaseFacet]
    for kind in waiting:
        waiting += kind.__subclasses__()
        found[kind.__name__] = kind
    return found


FACETS = _facets()


def complaints(event: Any) -> list[str]:
    """Everything by which a decoded event breaks the contract."""
    found = list(_class("event", event, RunEvent))
    if not found:
        UUID(event["run"]["runId"])
        found += list(_transformations(event))
    return found


def _transformations(event: Mapping[str, Any]) -> Iterator[str]:
    for dataset in event["outputs"]:
        facet = dataset["facets"].get("columnLineage", {})
        fields = [f for d in facet.get("fields", {}).values() for f in d["inputFields"]]
        for one in (*fields, *facet.get("dataset", [])):
            for way in one["transformations"]:
                if way.get("subtype") not in SUBTYPES.get(way["type"], ()):
                    yield f"{dataset['name']}: {way}"


def _value(at: str, value: Any, hint: Any) -> Iterator[str]:
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return
    if origin in (Union, UnionType):
        kinds = [kind for kind in inner if kind is not NoneType]
        if value is not None or NoneType not in inner:
            yield from _value(at, value, kinds[0])
    elif origin is list:
        if not isinstance(value, list):
            yield f"{at}: no list"
            return
        for number, item in enumerate(value):
            yield from _value(f"{at}[{number}]", item, inner[0])
    elif origin is dict:
        yield from _mapping(at, value, inner[1])
    elif attr.has(hint):
        yield from _class(at, value, hint)
    elif issubclass(hint, Enum):
        if value not in [member.value for member in hint]:
            yield f"{at}: {value!r} is no {hint.__name__}"
    elif not isinstance(value, (int, float) if hint is float else hint) or (
        hint is int and isinstance(value, bool)
    ):
        yield f"{at}: {value!r} is no {hint.__name__}"


def _mapping(at: str, value: Any, hint: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no mapping"
        return
    for name, item in value.items():
        if isinstance(hint, type) and issubclass(hint, BaseFacet):
            yield from _facet(f"{at}.{name}", name, item, hint)
        else:
            yield from _value(f"{at}.{name}", item, hint)


def _facet(at: str, name: str, value: Any, kind: type) -> Iterator[str]:
    found = FACETS.get(KEYS.get(name, ""))
    if found is None or not issubclass(found, kind):
        yield f"{at}: no facet of that name may stand here"
    elif value.get("_schemaURL") != found._get_schema():  # type: ignore[attr-defined]
        yield f"{at}: {value.get('_schemaURL')} is not its schema"
    elif not value.get("_producer"):
        yield f"{at}: nobody produced it"
    else:
        yield from _class(at, value, found)


def _class(at: str, value: Any, kind: type) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no object"
        return
    hints = get_type_hints(kind)
    fields = {field.name: field for field in attr.fields(kind)}
    for name in value.keys() - fields.keys():
        yield f"{at}: {name} is not known to {kind.__name__}"
    for name, field in fields.items():
        if name in value:
            yield from _value(f"{at}.{name}", value[name], hints[name])
        elif field.default is attr.NOTHING:
            yield f"{at}: lacks {name}"
