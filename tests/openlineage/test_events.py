"""What OpenLineage is told of a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backends.openlineage.events import events_of
from compiler.graph.operations import Operation, ReadDatabase, ReadFiles
from tests.openlineage.contract import complaints
from tests.openlineage.runs import TABLE, TEXT, run_told


def told(status: str = "done", read: Operation | None = None) -> list[Any]:
    return [json.loads(line) for line in events_of(run_told(status, read))]


def one(events: list[Any], job: str, state: str) -> Any:
    (found,) = [e for e in events if e["job"]["name"] == job and e["eventType"] == state]
    return found


@pytest.mark.parametrize("status", ["done", "failed", "interrupted"])
def test_every_event_is_one_of_openlineage(status: str) -> None:
    for event in told(status):
        assert complaints(event) == []


def test_every_step_starts_and_ends_inside_its_run() -> None:
    events = told()
    assert [(e["job"]["name"], e["eventType"]) for e in (events[0], events[-1])] == [
        ("shop.apply", "START"), ("shop.apply", "COMPLETE"),
    ]  # fmt: skip
    assert len(events) == 2 + 2 * 4
    whole = events[0]["run"]["runId"]
    for event in events[1:-1]:
        assert event["run"]["facets"]["parent"]["run"]["runId"] == whole
        assert event["run"]["facets"]["parent"]["job"]["name"] == "shop.apply"
    times = [event["eventTime"] for event in events]
    assert times == sorted(times)


def test_told_again_a_run_has_the_same_ids_and_another_has_none_of_them() -> None:
    ids = [event["run"]["runId"] for event in told()]
    assert ids == [event["run"]["runId"] for event in told()]
    assert len(set(ids)) == 5


def test_a_query_has_its_sql_its_schema_and_where_each_column_comes_from() -> None:
    event = one(told(), "datasets.d/query", "COMPLETE")
    assert event["job"]["namespace"] == "shop"
    assert event["job"]["facets"]["sql"]["query"] == TEXT
    assert [(d["namespace"], d["name"]) for d in event["inputs"]] == [("shop", "sources.s")]
    (output,) = event["outputs"]
    assert output["name"] == "datasets.d/query:table"
    assert [f["name"] for f in output["facets"]["schema"]["fields"]] == ["y", "mail"]
    assert output["facets"]["version"]["datasetVersion"] == "ab" * 32
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 10
    facet = output["facets"]["columnLineage"]
    source = {"namespace": "shop", "name": "sources.s"}
    assert facet["fields"]["y"]["inputFields"] == [
        {**source, "field": "x", "transformations": [
            {"type": "DIRECT", "subtype": "TRANSFORMATION", "description": "x + 1",
             "masking": False}]}
    ]  # fmt: skip
    (mail,) = facet["fields"]["mail"]["inputFields"]
    assert mail["transformations"][0]["masking"] is True
    assert facet["dataset"] == [
        {**source, "field": "x",
         "transformations": [{"type": "INDIRECT", "subtype": "FILTER", "masking": False}]}
    ]  # fmt: skip


def test_what_is_handed_on_comes_from_the_same_columns() -> None:
    (output,) = one(told(), "sources.s/publish", "COMPLETE")["outputs"]
    assert output["name"] == "sources.s"
    fields = output["facets"]["columnLineage"]["fields"]
    assert {name: field["inputFields"][0]["field"] for name, field in fields.items()} == {
        "x": "x", "mail": "mail",
    }  # fmt: skip
    assert output["facets"]["tags"]["tags"] == [
        {"key": "pii", "value": "true", "source": "STACKC", "field": "mail"}
    ]


def test_rules_are_told_with_counts_and_without_a_value() -> None:
    events = told()
    (table,) = one(events, "sources.s/validate", "COMPLETE")["inputs"]
    (rule,) = table["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (rule["assertion"], rule["column"], rule["success"]) == ("not_null", "x", False)
    assert rule["actual"] == "2 of 10 rows broken"
    assert table["inputFacets"]["dataQualityMetrics"]["rowCount"] == 10
    assert "hunter2" not in json.dumps(events)


def test_a_failure_says_why_and_makes_nothing() -> None:
    event = one(told("failed"), "datasets.d/query", "FAIL")
    assert event["run"]["facets"]["errorMessage"]["message"] == "the query failed"
    assert event["outputs"] == []
    assert one(told("failed"), "shop.apply", "FAIL")


def test_what_was_cut_short_is_aborted() -> None:
    assert one(told("interrupted"), "datasets.d/query", "ABORT")["outputs"] == []
    assert one(told("interrupted"), "shop.apply", "ABORT")


@pytest.mark.parametrize(
    ("read", "dataset"),
    [
        (ReadFiles("data/*.csv", "csv", TABLE.columns), ("file", "data/*.csv")),
        (ReadFiles("lakefs://shop/main/s.csv", "csv", TABLE.columns),
         ("lakefs://shop", "main/s.csv")),
        (ReadFiles("s3://key:word@bucket/s", "csv", TABLE.columns), ("s3://bucket", "s")),
        (ReadDatabase("postgresql://ann:word@db.local:5432/crm?key=word", "select 1",
                      TABLE.columns), ("postgresql://db.local:5432", "crm/sources.s")),
        (ReadDatabase("postgresql://${secret:LOGIN}@db/crm", "select 1", TABLE.columns),
         ("postgresql://db", "crm/sources.s")),
        (ReadDatabase("${secret:WHOLE}", "select 1", TABLE.columns), ("database", "sources.s")),
        (ReadDatabase("postgresql://[db/", "select 1", TABLE.columns), ("database", "sources.s")),
        (ReadDatabase("sqlite:///data/w.db", "select 1", TABLE.columns),
         ("sqlite", "data/w.db/sources.s")),
    ],
)  # fmt: skip
def test_what_is_read_outside_is_named_without_credentials(
    read: Operation, dataset: tuple[str, str]
) -> None:
    events = told(read=read)
    (source,) = one(events, "sources.s/ingest", "COMPLETE")["inputs"]
    assert (source["namespace"], source["name"]) == dataset
    assert "word" not in json.dumps(events)
