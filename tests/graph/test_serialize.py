"""graph.json is the canonical form of its document, though it is put together by hand."""

from __future__ import annotations

import json

import pytest

from compiler.graph.digest import canonical
from compiler.graph.serialize import to_bytes, to_json
from compiler.pipeline import compile_spec
from tests.house.cli import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*/stack.yaml"))


@pytest.mark.parametrize("spec", EXAMPLES, ids=lambda path: path.parent.name)
def test_what_is_written_is_the_canonical_document(spec: object) -> None:
    graph = compile_spec(spec).graph  # type: ignore[arg-type]
    written = to_bytes(graph)
    assert written == canonical(to_json(graph)) + b"\n"
    lineages = [node for node in json.loads(written)["nodes"] if "lineage" in node]
    assert all({*node["lineage"]} == {"columns", "rows", "known"} for node in lineages)
