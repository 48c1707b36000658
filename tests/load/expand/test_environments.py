"""Environments of one spec: merged as they say, and they never fight over what they share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.analyse.lock import Locked, read_lock
from compiler.analyse.lock_environments import kept, seen
from compiler.graph.types import Column, DataType
from compiler.load import load
from tests.house.cli import ROOT, stackc
from tests.load.helpers import write

SPEC = """\
stackc: 1
name: shop
owner: ???
include: [parts/*.yaml]
environments:
  dev:
    owner: me
    sources: {people: {path: few.csv}}
    datasets: {only: {from: people}}
  prod: {owner: us, tags: [b], sources: {people: {csv: {quote: "'"}}}}
tags: [a]
"""
PART = """\
sources:
  people: {path: people.csv, csv: {header: true}, description: all}
datasets:
  kept:
    sql: select * from people
    split: {train: 0.5, test: 0.5, seed: 1}   # by chance
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    rows = "".join(f"{at},{at},Rome\n" for at in range(40))
    (tmp_path / "people.csv").write_text(f"id,age,city\n{rows}")
    (tmp_path / "few.csv").write_text(f"id,age\n{rows.replace(',Rome', '')}")
    return write(tmp_path, {"stack.yaml": SPEC, "parts/people.yaml": PART})


def test_mappings_are_merged_by_key_and_all_else_replaces(spec: Path) -> None:
    prod = load(spec, environment="prod").config
    assert prod["owner"] == "us"
    assert prod["tags"] == ["b"]
    assert prod["sources"]["people"] == {
        "path": "people.csv",
        "csv": {"header": True, "quote": "'"},
        "description": "all",
    }
    assert "environments" not in prod
    assert prod["datasets"].keys() == {"kept"}
    dev = load(spec, ["sources.people.path=mine.csv"], environment="dev").config
    assert dev["sources"]["people"]["path"] == "mine.csv", "overrides stand above it"
    assert dev["datasets"].keys() == {"kept", "only"}


def test_what_every_environment_has_to_give_is_missing_without_one(spec: Path) -> None:
    answer = stackc("compile", "stack.yaml", cwd=spec.parent)
    assert "`owner` has to be given" in answer.err


def test_the_lock_has_an_entry_for_each_that_differs(spec: Path) -> None:
    folder, lock = spec.parent, spec.parent / "stackc.lock"
    for _ in range(2):
        for environment in ("dev", "prod"):
            assert stackc("compile", "stack.yaml", "--env", environment, cwd=folder).code == 0
    assert read_lock(lock).keys() == {"people@dev", "people@prod"}
    assert stackc("compile", "stack.yaml", "owner=me", cwd=folder).code == 0
    assert read_lock(lock).keys() == {"people", "people@dev", "people@prod"}
    assert [c.name for c in read_lock(lock)["people@dev"].columns] == ["id", "age"]
    answer = stackc("lock", "stack.yaml", "--env", "dev", cwd=folder)
    assert "stackc.lock is up to date." in answer.out
    spec.write_text(SPEC.replace("few.csv", "people.csv"))
    stackc("compile", "stack.yaml", "--env", "dev", cwd=folder)
    found = read_lock(lock)
    assert found.keys() == {"people", "people@prod"}, "the spec's own entry will do for it"


ENTRIES = st.builds(
    lambda origin: Locked(origin, (Column("a", DataType("int64"), True),)), st.sampled_from("xyz")
)
LOCKS = st.dictionaries(st.sampled_from(["a", "b", "a@dev", "a@prod", "b@dev", "a@gone"]), ENTRIES)
USED = st.dictionaries(st.sampled_from(["a", "b"]), ENTRIES)


@pytest.mark.property
@given(LOCKS, USED, st.sampled_from([None, "dev", "prod"]))
def test_what_an_environment_keeps_it_sees_and_others_see_what_they_saw(
    lock: dict[str, Locked], used: dict[str, Locked], environment: str | None
) -> None:
    after = kept(lock, used, environment, ("dev", "prod"))
    mine = seen(after, environment)
    assert {name: mine[name] for name in used} == used
    assert kept(after, used, environment, ("dev", "prod")) == after
    for other in {"dev", "prod"} - {environment}:
        end = f"@{other}"
        assert {n: e for n, e in after.items() if n.endswith(end)} == {
            n: e for n, e in lock.items() if n.endswith(end)
        }
    assert "a@gone" not in after


def test_every_command_opens_the_state_of_its_environment() -> None:
    calls = [
        (path.name, call)
        for path in sorted((ROOT / "compiler" / "cli").glob("*.py"))
        for call in _calls(path.read_text("utf-8"))
    ]
    assert len(calls) >= 12
    assert [name for name, call in calls if "environment=" not in call] == []


def _calls(text: str) -> Iterator[str]:
    """Each call of `open_project` with its arguments."""
    for part in text.split("open_project(")[1:]:
        depth, at = 1, 0
        while depth:
            depth += (part[at] == "(") - (part[at] == ")")
            at += 1
        yield part[:at]


SEED = "datasets.kept.split.seed"


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_a_point_is_written_where_its_value_stands(spec: Path, environment: str) -> None:
    folder = spec.parent
    if environment == "prod":
        own = "datasets: {kept: {split: {seed: 4}}}"
        spec.write_text(SPEC.replace("prod: {", f"prod: {{{own}, "))
    answer = stackc("apply", "stack.yaml", "-m", f"{SEED}=5,6", "--env", environment, cwd=folder)
    assert answer.code == 0, answer.text
    before = spec.read_text()
    answer = stackc("promote", "stack.yaml", "2", "--yes", "--env", environment, cwd=folder)
    assert answer.code == 0, answer.text
    part = (folder / "parts" / "people.yaml").read_text()
    if environment == "dev":
        assert part == PART.replace("seed: 1}   # by", "seed: 6}   # by")
        assert spec.read_text() == before
    else:
        assert part == PART
        assert spec.read_text() == before.replace("seed: 4", "seed: 6")
    assert f"Next: stackc apply stack.yaml --env {environment}" in answer.out
