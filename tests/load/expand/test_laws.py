"""What scales is only a shorter way to write: the same graph as by hand, in whatever order."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.graph.serialize import to_bytes
from compiler.load import load
from compiler.load.scalars import plain_scalar
from compiler.pipeline import compile_spec
from tests.load.helpers import write

COLUMNS = {"id": "int64", "age": "int64", "city": "string"}


def written_as_text(key: str) -> bool:
    """Not ``0e0``: PyYAML writes it without quotes, and others read a number."""
    try:
        return isinstance(yaml.safe_load(key), str) <= isinstance(plain_scalar(key), str)
    except OverflowError:
        return False


WORDS = st.from_regex(r"[a-z0-9_]{1,6}", fullmatch=True).filter(written_as_text)
KEYS = st.lists(WORDS, min_size=1, max_size=4, unique=True)
VALUES = st.one_of(
    st.integers(-50, 50), st.booleans(), st.none(), st.text("ab {}:#", max_size=5),
    st.lists(st.integers(0, 9), max_size=3),
)  # fmt: skip


def templates(keys: list[str]) -> dict[str, Any]:
    """A spec whose blocks are made for each key."""
    least = {key: {"least": at, "city": f"c{at}"} for at, key in enumerate(keys)}
    return {
        "sources": {
            "people": {"for_each": keys, "path": "${each.key}.csv", "columns": COLUMNS},
        },
        "validation": {"people": [{"not_null": ["id"]}, {"in_set": {"city": ["${each.key}"]}}]},
        "datasets": {
            "old": {
                "for_each": least,
                "sql": "select *, '${each.value.city}' as c from people_${each.key}"
                " where age > ${each.value.least}",
                "split": {"train": 0.5, "test": 0.5, "seed": "${each.value.least}"},
            }
        },
        "models": {
            "ages": {
                "for_each": keys, "dataset": "old_${each.key}", "target": "age",
                "features": ["id"], "algorithm": {"kind": "linear"}, "owner": "${each.value}",
            }
        },
    }  # fmt: skip


def by_hand(keys: list[str]) -> dict[str, Any]:
    """The same, written out."""
    spec: dict[str, Any] = {"sources": {}, "validation": {}, "datasets": {}, "models": {}}
    for at, key in enumerate(keys):
        spec["sources"][f"people_{key}"] = {"path": f"{key}.csv", "columns": COLUMNS}
        spec["validation"][f"people_{key}"] = [{"not_null": ["id"]}, {"in_set": {"city": [key]}}]
        spec["datasets"][f"old_{key}"] = {
            "sql": f"select *, 'c{at}' as c from people_{key} where age > {at}",
            "split": {"train": 0.5, "test": 0.5, "seed": at},
        }
        spec["models"][f"ages_{key}"] = {
            "dataset": f"old_{key}", "target": "age", "features": ["id"],
            "algorithm": {"kind": "linear"}, "owner": key,
        }  # fmt: skip
    return spec


HEAD = {"stackc": 1, "name": "shop"}


def text(spec: dict[str, Any]) -> str:
    return yaml.safe_dump(spec, sort_keys=False)


def graph(folder: Path, files: dict[str, dict[str, Any]]) -> bytes:
    """The whole graph of a spec, its addresses and keys among it."""
    spec = write(folder, {name: text(body) for name, body in files.items()})
    compiled = compile_spec(spec)
    return to_bytes(compiled.graph)


@pytest.mark.property
@settings(max_examples=15)
@given(KEYS)
def test_blocks_for_each_key_are_those_written_by_hand(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str]
) -> None:
    short = graph(tmp_path_factory.mktemp("short"), {"stack.yaml": {**HEAD, **templates(keys)}})
    long = graph(tmp_path_factory.mktemp("long"), {"stack.yaml": {**HEAD, **by_hand(keys)}})
    assert short == long


@pytest.mark.property
@settings(max_examples=15)
@given(KEYS, st.randoms(use_true_random=False))
def test_the_order_of_keys_and_files_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], chance: random.Random
) -> None:
    written = by_hand(keys)
    plain = graph(tmp_path_factory.mktemp("plain"), {"stack.yaml": {**HEAD, **written}})
    parts: dict[str, dict[str, Any]] = {"a.yaml": {}, "b.yaml": {}, "c/d.yaml": {}}
    for kind, name in shuffled([(k, n) for k, blocks in written.items() for n in blocks], chance):
        parts[chance.choice([*parts])].setdefault(kind, {})[name] = written[kind][name]
    entries = shuffled([*parts, "c/*.yaml"], chance)
    head = {"stack.yaml": {"include": entries, **HEAD}}
    assert graph(tmp_path_factory.mktemp("parts"), {**head, **parts}) == plain
    turned = templates(shuffled(keys, random.Random(0)))
    again = templates(shuffled(keys, chance))
    turned["datasets"]["old"]["for_each"] = again["datasets"]["old"]["for_each"] = templates(keys)[
        "datasets"
    ]["old"]["for_each"]
    folders = [tmp_path_factory.mktemp("turned") for _ in range(2)]
    first, second = (
        graph(folder, {"stack.yaml": {**HEAD, **spec}})
        for folder, spec in zip(folders, (turned, again), strict=True)
    )
    assert first == second == plain


def shuffled(items: list[Any], chance: random.Random) -> list[Any]:
    found = list(items)
    chance.shuffle(found)
    return found


def test_a_module_is_its_blocks_under_the_name_of_its_use(tmp_path: Path) -> None:
    people = {"path": "p.csv", "columns": COLUMNS}
    module: dict[str, Any] = {
        "inputs": {"people": {"type": "source"}, "least": {"type": "integer", "default": 3}},
        "datasets": {
            "kept": {"sql": "select * from ${input.people} where age > ${input.least}"},
            "parts": {"from": "kept", "split": {"train": 0.5, "test": 0.5}},
        },
        "sources": {"cities": {"path": "c.csv", "columns": {"name": "string"}}},
        "validation": {"kept": [{"references": {"city": "cities.name"}}]},
        "models": {
            "ages": {
                "dataset": "parts", "target": "age", "features": ["id"],
                "algorithm": {"kind": "linear"},
            }
        },
        "predictions": {"told": {"model": "ages", "table": "${input.people}"}},
        "deployments": {"api": {"model": "ages", "key": "id"}},
        "notifications": {"ops": {"log": True}},
        "monitors": {
            "seen": {
                "deployment": "api",
                "performance": {"metric": "rmse", "max": 5.0, "labels": "kept.age"},
                "on_alert": [{"notify": "ops"}],
            },
            "drift": {"prediction": "told"},
            "table": {"table": "kept", "reference": "parts"},
        },
    }  # fmt: skip
    use = {"use": "m.yaml", "with": {"people": "people"}}
    short = {
        "stack.yaml": {**HEAD, "sources": {"people": people}, "modules": {"one": use}},
        "m.yaml": module,
    }
    long = {
        **HEAD,
        "sources": {
            "people": people,
            "one_cities": {"path": "c.csv", "columns": {"name": "string"}},
        },
        "validation": {"one_kept": [{"references": {"city": "one_cities.name"}}]},
        "datasets": {
            "one_kept": {"sql": "select * from people where age > 3"},
            "one_parts": {"from": "one_kept", "split": {"train": 0.5, "test": 0.5}},
        },
        "models": {"one_ages": {**module["models"]["ages"], "dataset": "one_parts"}},
        "predictions": {"one_told": {"model": "one_ages", "table": "people"}},
        "deployments": {"one_api": {"model": "one_ages", "key": "id"}},
        "notifications": {"one_ops": {"log": True}},
        "monitors": {
            "one_seen": {
                "deployment": "one_api",
                "performance": {"metric": "rmse", "max": 5.0, "labels": "one_kept.age"},
                "on_alert": [{"notify": "one_ops"}],
            },
            "one_drift": {"prediction": "one_told"},
            "one_table": {"table": "one_kept", "reference": "one_parts"},
        },
    }
    assert graph(tmp_path / "short", short) == graph(tmp_path / "long", {"stack.yaml": long})


@given(st.dictionaries(WORDS, VALUES, min_size=1))
@settings(max_examples=40)
@pytest.mark.property
def test_a_whole_interpolation_keeps_the_type_of_the_value(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    spec = {**HEAD, "datasets": {"one": {"for_each": values, "owner": "${each.value}"}}}
    found = load(write(tmp_path_factory.mktemp("types"), {"stack.yaml": text(spec)})).config
    assert found["datasets"] == {f"one_{key}": {"owner": value} for key, value in values.items()}
