"""Keys: what they depend on, and what they do not."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from compiler.graph.digest import canonical, digest, keyed
from compiler.graph.node import Graph, Node, Ref, node_key, ordered
from compiler.graph.operations import (
    Deploy,
    Evaluate,
    Fairness,
    JudgeGates,
    Publish,
    Query,
    ReadFiles,
    Rule,
    Validate,
)
from compiler.graph.serialize import to_bytes
from compiler.graph.types import Column, DataType, DocumentType, TableType

TABLE = TableType((Column("x", DataType("int64")),))


def read(address: str, path: str) -> Node:
    operation = ReadFiles(path, "csv", TABLE.columns)
    return Node(address, operation, (), (("table", TABLE),))


def query(address: str, sql: str, **inputs: Ref) -> Node:
    return Node(address, Query(sql), tuple(sorted(inputs.items())), (("table", TABLE),))


def published(block: str, staged: Ref, *rules: Rule) -> list[Node]:
    validate = Node(
        f"{block}/validate",
        Validate(rules),
        (("table", staged),),
        (("verdict", DocumentType("verdict")),),
    )
    inputs = (("table", staged), ("verdict", Ref(validate.address, "verdict")))
    outputs = (("table", TABLE), ("version", DocumentType("version")))
    return [validate, Node(f"{block}/publish", Publish(block), inputs, outputs)]


def test_law_2_a_key_depends_on_own_inputs_only() -> None:
    """Law 2: unrelated nodes, consumers, names and origins change no key."""
    a = read("sources.a/ingest", "a.csv")
    b = query("datasets.b/query", "select * from a", a=Ref(a.address, "table"))
    before = Graph(ordered([a, b])).keys
    other = read("sources.z/ingest", "z.csv")
    reader = query("datasets.c/query", "select x from b", b=Ref(b.address, "table"))
    after = Graph(ordered([a, other, reader, replace(b, origin=("elsewhere",))])).keys
    assert {address: after[address] for address in before} == before


def test_key_changes_with_operation_input_and_observation() -> None:
    a, other = read("sources.a/ingest", "a.csv"), read("sources.a/ingest", "b.csv")
    reader = query("datasets.b/query", "select * from a", a=Ref("sources.a/ingest", "table"))
    first, second = Graph((a, reader)).keys, Graph((other, reader)).keys
    assert first[a.address] != second[a.address]
    assert first[reader.address] != second[reader.address]
    assert node_key(a, {}, "one") != node_key(a, {}, "two") != node_key(a, {})


def test_stricter_rule_changes_the_publish_and_no_reader_of_the_table() -> None:
    keys = []
    for rules in ([], [Rule("r", "not_null", ("x",), ())]):
        a = read("sources.a/ingest", "a.csv")
        nodes = [a, *published("sources.a", Ref(a.address, "table"), *rules)]
        reader = query("datasets.b/query", "select * from a", a=Ref("sources.a/publish", "table"))
        keys.append(Graph(ordered([*nodes, reader])).keys)
    assert keys[0]["sources.a/publish"] != keys[1]["sources.a/publish"]
    assert keys[0]["datasets.b/query"] == keys[1]["datasets.b/query"]


def test_what_asks_for_no_fairness_has_the_key_it_had_before_there_was_any() -> None:
    """So an upgrade evaluates nothing anew; the gates hold the evaluation, too."""
    evaluate = Evaluate(("f1",), "y", ("x",), 0.4)
    fair = replace(evaluate, fairness=Fairness(("x",), ("accuracy_ratio",), 30))
    for one, asks in ((evaluate, False), (fair, True)):
        for held in (keyed(one), keyed(JudgeGates("m", (), one))["evaluation"]):
            assert ("fairness" in held) == asks
    assert digest(evaluate) == "a840faf100353abbd44dde88577700eccfc2419286ac4734662c5dc9f7d7ce9a"
    assert digest(evaluate) != digest(fair)


def test_a_field_that_was_added_later_is_in_a_key_only_where_it_is_used() -> None:
    """Projects that do not use it have the keys that they had."""
    plain = Deploy("deployments.api", 0.5)
    assert "key" not in keyed(plain)
    assert keyed(replace(plain, key=(("id", "int64"),)))["key"] == [["id", "int64"]]
    assert digest(plain) != digest(replace(plain, key=(("id", "int64"),)))


def test_order_of_making_changes_nothing() -> None:
    nodes = [read(f"sources.s{i}/ingest", f"{i}.csv") for i in range(8)]
    nodes += [
        query(f"datasets.d{i}/query", "select 1", a=Ref(f"sources.s{i}/ingest", "table"))
        for i in range(8)
    ]
    first = to_bytes(Graph(ordered(nodes)))
    for seed in range(5):
        random.Random(seed).shuffle(nodes)
        assert to_bytes(Graph(ordered(nodes))) == first


def test_cycle_is_refused_and_named() -> None:
    a = query("datasets.a/query", "select 1", b=Ref("datasets.b/query", "table"))
    b = query("datasets.b/query", "select 1", a=Ref("datasets.a/query", "table"))
    with pytest.raises(ValueError, match=r"cycle among .*datasets\.a/query"):
        ordered([a, b])


@pytest.mark.parametrize(
    ("left", "right"),
    [(0.0, -0.0), (1, True), (float("nan"), None), (float("inf"), "inf"), ("1", 1)],
)
def test_values_that_differ_have_different_canonical_forms(left: object, right: object) -> None:
    assert canonical(left) != canonical(right)
    assert digest([left]) != digest([right])
