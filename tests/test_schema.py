"""The JSON Schema is what editors know of the language: every key explained, slips refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from compiler.analyse.schema import validate
from compiler.diagnostics import Findings, StackcError
from compiler.load.parse import parse
from compiler.load.text import Text
from specs.scaling import File
from specs.schema import editor_schema, json_schema
from tests.house.cli import ROOT
from tests.house.markdown import sections

SCHEMA = json_schema()
CHECKER = jsonschema.Draft202012Validator(SCHEMA)
EDITORS = {file: jsonschema.Draft202012Validator(editor_schema(file)) for file in File}
"""What editors hold files against, as they are written."""
PAGES = [*(ROOT / "tests" / "cases").glob("*.md"), *(ROOT / "compiler" / "codes").glob("*.md")]


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of the language, with what the schema says of it."""
    for name, body in (("Stack", SCHEMA), *SCHEMA["$defs"].items()):
        for key, part in body.get("properties", {}).items():
            yield f"{name}.{key}", part


PROPERTIES = dict(properties())
_EXPANDED = re.compile(r"\$\{|^(defaults|include|environments|modules):|\bfor_each:", re.MULTILINE)
"""What composition and expansion take away before a spec is typed."""


def specs() -> list[dict[str, Any]]:
    """Every spec of the project's pages that is one mapping and typed as it is written."""
    found: dict[str, None] = {}
    for page in PAGES:
        for section in sections(page.read_text("utf-8")):
            found.update(
                (block.text, None) for block in section.blocks_of("yaml") if not block.words
            )
    made = []
    for text in found:
        try:
            body = parse(Text("stack.yaml", text))
        except StackcError:
            continue
        if isinstance(body, dict) and not _EXPANDED.search(text):
            made.append(body)
    return made


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert len(PROPERTIES) > 150


@pytest.mark.parametrize("key", PROPERTIES)
def test_every_key_is_explained(key: str) -> None:
    part = PROPERTIES[key]
    assert part.get("description", "").strip().endswith((".", "…", "`", ")")), part
    assert "Lower-case letters" not in part["description"] or key == "Stack.name"


@pytest.mark.parametrize("key", [key for key in PROPERTIES if "examples" in PROPERTIES[key]])
def test_every_example_is_valid(key: str) -> None:
    checker = CHECKER.evolve(schema={**PROPERTIES[key], "$defs": SCHEMA["$defs"]})
    for example in PROPERTIES[key]["examples"]:
        checker.validate(json.loads(json.dumps(example)))


@pytest.mark.parametrize("key", [key for key in PROPERTIES if "default" in PROPERTIES[key]])
def test_every_default_is_valid(key: str) -> None:
    checker = CHECKER.evolve(schema={**PROPERTIES[key], "$defs": SCHEMA["$defs"]})
    checker.validate(PROPERTIES[key]["default"])


@pytest.mark.parametrize("path", [*ROOT.glob("examples/*/stack.yaml")], ids=lambda p: p.parent.name)
def test_the_examples_are_valid(path: Path) -> None:
    CHECKER.validate(yaml.safe_load(path.read_text("utf-8")))


def test_it_refuses_no_spec_that_the_compiler_takes_and_few_that_it_refuses_pass() -> None:
    refused, passed, later = 0, [], []
    for body in specs():
        findings = Findings()
        stack = validate(body, findings)
        valid = CHECKER.is_valid(body)
        if stack is not None and not valid:
            later.append([error.json_path for error in CHECKER.iter_errors(body)])
        elif stack is not None:
            continue
        elif valid:
            passed.append([f"{d.code.value}: {d.message}" for d in findings.diagnostics])
        else:
            refused += 1
    assert refused >= 15
    # Types and metrics that do not exist are refused by the stage that knows them all; of a
    # mapping that may be left out the schema refuses the whole.
    places = {path.rsplit(".", 1)[1].split("[")[0] for paths in later for path in paths}
    optional = {"tune", "fairness", "performance"}
    assert places <= {"columns", "metrics", "metric", "cast"} | optional, later
    # What a schema cannot tell: two keys that exclude each other, an order, a secret's place.
    assert all(line[0].startswith(("E123", "E114", "E121")) for line in passed), passed
    assert len(passed) <= refused + 5


def files() -> Iterator[tuple[str, File, dict[str, Any]]]:
    """Every file of the pages that refers to values told elsewhere, with the title it is under."""
    for page in (*PAGES, *(ROOT / "docs").glob("*.md")):
        for section in sections(page.read_text("utf-8")):
            for block in section.blocks_of("yaml"):
                try:
                    body = parse(Text("stack.yaml", block.text))
                except StackcError:
                    continue
                if isinstance(body, dict) and re.search(r"\$\{|\?\?\?", block.text):
                    whole = {"stackc", "name"} <= body.keys()
                    module = File.MODULE if "inputs" in body else File.PART
                    yield section.title, File.SPEC if whole else module, body


@pytest.mark.parametrize("file", File)
def test_what_editors_hold_files_against_is_a_schema(file: File) -> None:
    jsonschema.Draft202012Validator.check_schema(editor_schema(file))


def test_a_reference_may_stand_for_any_value() -> None:
    """Every file of the pages with one is taken but for the slips that those pages are about."""
    known, refused = [*files()], set()
    for title, file, body in known:
        if not EDITORS[file].is_valid(body):
            refused.add(title)
    assert len(known) > 25
    assert refused == {
        "Keys that cannot be the end of a name",
        "A mistake inside of a module shows where it is used",
        "Fails",
    }


def test_without_references_editors_are_told_the_same_as_everybody() -> None:
    for body in specs():
        assert EDITORS[File.SPEC].is_valid(body) == CHECKER.is_valid(body), body


@pytest.mark.parametrize(
    ("model", "valid"),
    [
        ({"seed": "${seed}"}, True),
        ({"seed": "soon"}, False),
        ({"features": "${input.columns}"}, True),
        ({"features": "a"}, False),
        ({"algorithm": "${each.value}"}, True),
        ({"algorithm": {"kind": "${each.value}", "max_depth": 3}}, True),
        ({"algorithm": {"kind": "${each.value}", "max_dept": 3}}, False),
        ({"algorithm": {"kind": "xgboost", "max_depth": "???"}}, True),
        ({"dataset": "${input.cases}"}, True),
        ({"evaluation": {"metrics": ["${metric}"]}}, True),
    ],
)
def test_a_reference_is_no_way_around_the_language(model: dict[str, Any], valid: bool) -> None:
    whole = {"dataset": "d", "target": "t", "features": ["a"], "algorithm": {"kind": "linear"}}
    body = {"stackc": 1, "name": "x", "models": {"m": {**whole, **model}}}
    assert EDITORS[File.SPEC].is_valid(body) == valid


@pytest.mark.parametrize(
    ("file", "body", "valid"),
    [
        (File.PART, {"sources": {"a": {"path": "a.csv"}}}, True),
        (File.PART, {"stackc": 1, "name": "x", "modules": {"m": {"use": "m.yaml"}}}, True),
        (File.PART, {"environments": {}}, False),
        (File.PART, {"inputs": {}}, False),
        (File.MODULE, {"inputs": {"a": {"type": "table"}}, "description": "M."}, True),
        (File.MODULE, {"inputs": {"a": {"type": "tabel"}}}, False),
        (File.MODULE, {"inputs": {"a": {"default": 1}}}, False),
        (File.MODULE, {"name": "x"}, False),
        (File.SPEC, {"sources": {}}, False),
    ],
)
def test_each_kind_of_file_has_its_keys(file: File, body: dict[str, Any], valid: bool) -> None:
    assert EDITORS[file].is_valid(body) == valid


def test_a_slip_in_a_feature_of_the_short_form_is_refused() -> None:
    model = {"dataset": "d", "target": "t", "algorithm": {"kind": "linear"}}
    good = {"features": ["a", {"b": "a + 1"}, {"c": {"impute": "mean"}}, {"name": "d"}]}
    bad = {"features": [{"c": {"inpute": "mean"}}]}
    for features, valid in ((good, True), (bad, False)):
        body = {"stackc": 1, "name": "x", "models": {"m": {**model, **features}}}
        assert CHECKER.is_valid(body) == valid


def test_names_are_held_to_their_pattern() -> None:
    assert not CHECKER.is_valid({"stackc": 1, "name": "x", "sources": {"Big": {"path": "a"}}})
