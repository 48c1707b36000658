"""A run that is told: a source, a query over it and a validation."""

from __future__ import annotations

from typing import Any

from compiler.diagnostics import Place, Within
from compiler.engine.store import Stored
from compiler.engine.telling import RunTold, StepTold
from compiler.graph.lineage import Derivation, Flow, Lineage, Origin, Treatment
from compiler.graph.node import Node, Ref
from compiler.graph.operations import Operation, Publish, Query, ReadFiles, Rule, Validate
from compiler.graph.types import Column, DataType, DocumentType, TableType

TABLE = TableType(
    (Column("x", DataType("int64"), False), Column("mail", DataType("string"), True, ("pii",)))
)
MADE = TableType((Column("y", DataType("int64")), Column("mail", DataType("string"))))
TEXT = "select x + 1 as y, md5(mail) as mail from s where x > 3"
RULE = Rule("x there", "not_null", ("x",), (), 0.1)
VERDICT = {
    "rows": 10,
    "blocked": False,
    "rules": [
        {
            "name": "x there", "kind": "not_null", "columns": ["x"], "rows": 10, "broken": 2,
            "share": 0.2, "tolerance": 0.1, "passed": False, "on_failure": "warn",
            "detail": "2 rows", "examples": ["hunter2"],
        }
    ],
}  # fmt: skip


def made(address: str, operation: Operation, outputs: dict[str, Any], **more: Any) -> Node:
    inputs = tuple((name, Ref(*ref.split(":"))) for name, ref in more.pop("inputs", {}).items())
    return Node(address, operation, inputs, tuple(outputs.items()), **more)


def nodes(read: Operation | None = None) -> dict[str, Node]:
    """The graph's nodes; ``read`` is how the source is read."""
    reading = read or ReadFiles("data/s.csv", "csv", TABLE.columns)
    hashed = Origin("s", "mail", Flow.TRANSFORMATION, treatments=(Treatment("hash"),))
    lineage = Lineage(
        (
            Derivation("y", (Origin("s", "x", Flow.TRANSFORMATION),), Place((), Within(7, 5))),
            Derivation("mail", (hashed,), Place((), Within(19, 9))),
        ),
        (Origin("s", "x", Flow.FILTER), Origin("s", "x", Flow.FILTER, scan=2)),
    )
    found = [
        made("sources.s/ingest", reading, {"table": TABLE}),
        made("sources.s/validate", Validate((RULE,)), {"verdict": DocumentType("verdict")},
             inputs={"table": "sources.s/ingest:table"}),
        made("sources.s/publish", Publish("sources.s"), {"table": TABLE},
             inputs={"table": "sources.s/ingest:table"}),
        made("datasets.d/query", Query(TEXT), {"table": MADE},
             inputs={"s": "sources.s/publish:table"}, lineage=lineage),
    ]  # fmt: skip
    return {node.address: node for node in found}


def run_told(status: str = "done", read: Operation | None = None) -> RunTold:
    """The run; its query ends with ``status``."""
    steps = [StepTold(address, number, "2026-01-01T00:00:01.000+00:00",
                      f"2026-01-01T00:00:0{number + 2}.000+00:00", "done",
                      outputs={"table": Stored("ab" * 32, 99, ".parquet")}, summary={"rows": 10},
                      verdict=VERDICT if address.endswith("validate") else None)
             for number, address in enumerate(nodes())]  # fmt: skip
    if status != "done":
        steps[-1] = StepTold("datasets.d/query", 3, steps[-1].began, steps[-1].ended, status,
                             ("the query failed",))  # fmt: skip
    return RunTold("p", "r1", "shop", "apply", "2026-01-01T00:00:00.000+00:00",
                   "2026-01-01T00:00:09.000+00:00", status, tuple(steps), nodes(read))  # fmt: skip
