"""Facets of datasets and jobs: schema, tags, version, statistics, what rules found."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from openlineage.client.event_v2 import set_producer
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    JobFacet,
    OutputDatasetFacet,
)
from openlineage.client.generated.data_quality_assertions_dataset import (
    Assertion,
    DataQualityAssertionsDatasetFacet,
)
from openlineage.client.generated.data_quality_metrics_input_dataset import (
    DataQualityMetricsInputDatasetFacet,
)
from openlineage.client.generated.dataset_type_dataset import DatasetTypeDatasetFacet
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.generated.output_statistics_output_dataset import (
    OutputStatisticsOutputDatasetFacet,
)
from openlineage.client.generated.schema_dataset import (
    SchemaDatasetFacet,
    SchemaDatasetFacetFields,
)
from openlineage.client.generated.sql_job import SQLJobFacet
from openlineage.client.generated.tags_dataset import TagsDatasetFacet, TagsDatasetFacetFields

from backends.openlineage.datasets import kind_of
from compiler.engine.store import Stored
from compiler.graph.documents import Verdict
from compiler.graph.node import Node
from compiler.graph.operations import Query, ReadDatabase
from compiler.graph.types import Column, FeaturesType, TableType, ValueType

STACKC = "STACKC"


def _version() -> str:
    try:
        return metadata.version("stackc")
    except metadata.PackageNotFoundError:
        return "0"


PRODUCER = f"urn:stackc:{_version()}"
# The package fills in who produced an event or a facet from one place of its own.
set_producer(PRODUCER)


def job_facets(node: Node) -> dict[str, JobFacet]:
    """What a step is: its kind, and its SQL where it has any."""
    operation = node.operation
    found: dict[str, JobFacet] = {
        "jobType": JobTypeJobFacet("BATCH", STACKC, type(operation).__name__.upper())
    }
    if isinstance(operation, Query | ReadDatabase):
        dialect = "duckdb" if isinstance(operation, Query) else None
        found["sql"] = SQLJobFacet(operation.sql, dialect)
    return found


def dataset_facets(made: ValueType, stored: Stored | None) -> dict[str, DatasetFacet]:
    """What a value is: its columns with their tags, its kind, its version by content."""
    found: dict[str, DatasetFacet] = {"datasetType": DatasetTypeDatasetFacet(kind_of(made))}
    if isinstance(made, TableType):
        found["schema"] = _schema(made.columns)
        if any(column.tags for column in made.columns):
            found["tags"] = _tags(made.columns)
    elif isinstance(made, FeaturesType):
        fields = [SchemaDatasetFacetFields(name, "float32") for name in made.features]
        found["schema"] = SchemaDatasetFacet(fields)
    if stored is not None and stored.digest:
        found["version"] = DatasetVersionDatasetFacet(stored.digest)
    return found


def statistics(
    name: str, stored: Stored | None, summary: Mapping[str, Any], table: bool
) -> dict[str, OutputDatasetFacet]:
    """How much was written: bytes, and rows where the step counted them."""
    if stored is None or not stored.digest:
        return {}
    counted = summary.get(name, summary.get("rows")) if table else None
    rows = counted if isinstance(counted, int) and not isinstance(counted, bool) else None
    return {"outputStatistics": OutputStatisticsOutputDatasetFacet(rows, stored.size)}


def judged(verdict: Verdict) -> dict[str, InputDatasetFacet]:
    """What rules found in a table: counts and shares, no value of it."""
    assertions = [
        Assertion(
            assertion=rule["kind"],
            success=rule["passed"],
            column=rule["columns"][0] if len(rule["columns"]) == 1 else None,
            severity="error" if rule["on_failure"] == "block" else "warn",
            name=rule["name"],
            expected=f"at most {rule['tolerance']:g} of the rows broken",
            actual=f"{rule['broken']} of {rule['rows']} rows broken",
        )
        for rule in verdict["rules"]
    ]
    return {
        "dataQualityAssertions": DataQualityAssertionsDatasetFacet(assertions),
        "dataQualityMetrics": DataQualityMetricsInputDatasetFacet({}, verdict["rows"]),
    }


def _schema(columns: tuple[Column, ...]) -> SchemaDatasetFacet:
    return SchemaDatasetFacet(
        [
            SchemaDatasetFacetFields(column.name, str(column.type), ordinal_position=at)
            for at, column in enumerate(columns, 1)
        ]
    )


def _tags(columns: tuple[Column, ...]) -> TagsDatasetFacet:
    return TagsDatasetFacet(
        [
            TagsDatasetFacetFields(key=tag, value="true", source=STACKC, field=column.name)
            for column in columns
            for tag in column.tags
        ]
    )
