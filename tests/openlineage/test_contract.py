"""The contract finds what is wrong with an event: otherwise it would say nothing of a right one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from backends.openlineage.events import events_of
from tests.openlineage.contract import complaints
from tests.openlineage.runs import run_told


def event() -> Any:
    (found,) = [
        event
        for event in map(json.loads, events_of(run_told()))
        if event["eventType"] == "COMPLETE" and event["job"]["name"] == "datasets.d/query"
    ]
    return found


def test_an_event_of_ours_has_nothing_wrong() -> None:
    assert complaints(event()) == []


def lineage(found: Any) -> Any:
    return found["outputs"][0]["facets"]["columnLineage"]


BREAKS: dict[str, Callable[[Any], Any]] = {
    "no run": lambda e: e.pop("run"),
    "no such type": lambda e: e.update(eventType="ENDED"),
    "no time": lambda e: e.update(eventTime=3),
    "an unknown property": lambda e: e.update(name="x"),
    "an unknown facet": lambda e: e["job"]["facets"].update(mine={}),
    "a facet in the wrong place": lambda e: e["job"]["facets"].update(schema={"fields": []}),
    "a facet of another schema": lambda e: lineage(e).update(_schemaURL="https://x.org"),
    "a field without its inputs": lambda e: lineage(e)["fields"]["y"].pop("inputFields"),
    "an input without a name": lambda e: lineage(e)["dataset"][0].pop("name"),
    "a way of no kind": lambda e: lineage(e)["dataset"][0]["transformations"][0].update(type="X"),
    "a direct filter": lambda e: lineage(e)["dataset"][0]["transformations"][0].update(
        type="DIRECT"
    ),
    "inputs that are no list": lambda e: e.update(inputs={}),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_found(name: str) -> None:
    found = event()
    BREAKS[name](found)
    assert complaints(found)
