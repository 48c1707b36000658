"""Documents are run: generated files are in step with the code, and examples do what they say.

A ``console`` block whose fence also says ``run`` is run, in a folder with the
files of its section; a line of its answer that is ``…`` stands for any lines.
"""

from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
import yaml

from compiler.load import load
from docs.generate import REFERENCE, SCHEMA, reference_text, schema_text
from specs.stack import Stack
from tests.conftest import copied
from tests.house.cases import run, tidy
from tests.house.cli import ROOT, stackc
from tests.house.markdown import Block, Section, sections
from tests.lakefs_double.contract import QUIET

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/stack.yaml"))
RUNNABLE = [
    (page, section)
    for page in PAGES
    for section in sections(page.read_text("utf-8"))
    if any("run" in block.words for block in section.blocks_of("console"))
]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_the_schema_is_in_step() -> None:
    assert SCHEMA.read_text("utf-8") == schema_text(), "run `make docs`"


def test_the_reference_is_in_step() -> None:
    assert REFERENCE.read_text("utf-8") == reference_text(), "run `make docs`"


def test_the_command_prints_the_same_schema(tmp_path: Path) -> None:
    assert stackc("schema", cwd=tmp_path).out == schema_text()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schema_takes_the_examples(name: str) -> None:
    spec = yaml.safe_load((ROOT / "examples" / name / "stack.yaml").read_text("utf-8"))
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(spec)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_names_its_schema(name: str) -> None:
    folder = ROOT / "examples" / name
    first = (folder / "stack.yaml").read_text("utf-8").split("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (folder / first.split("=", 1)[1]).resolve() == SCHEMA


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_whole_specs_in_documents_are_of_the_language(page: Path, tmp_path: Path) -> None:
    for at, section in enumerate(sections(page.read_text("utf-8"))):
        for block in section.blocks_of("yaml"):
            if block.text.startswith("stackc: 1"):
                folder = tmp_path / f"{at}-{block.start}"
                lay(section, folder)
                spec = folder / "spec.yaml"
                spec.write_text(block.text, "utf-8")
                Stack.model_validate(load(spec).config)


@pytest.mark.parametrize(
    ("page", "section"), RUNNABLE, ids=lambda part: getattr(part, "title", None)
)
@QUIET
def test_what_a_document_shows_is_what_happens(
    page: Path, section: Section, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The page about lakeFS finds a double where it looks for a server."""
    if page.stem == "lakefs":
        pytest.importorskip("lakefs")
        endpoint = request.getfixturevalue("double").endpoint
        request.getfixturevalue("monkeypatch").setenv("LAKEFS_ENDPOINT", endpoint)
    folder = folder_for(page, section, tmp_path)
    for block in section.blocks_of("console"):
        if "run" in block.words:
            check(block, folder)


def folder_for(page: Path, section: Section, tmp_path: Path) -> Path:
    """An example's page is run in a copy of it; any other with the section's own files.

    Where those read ``data/``, they find the quickstart's.
    """
    if page.parent.parent.name == "examples":
        return copied(page.parent.name, tmp_path / page.parent.name)
    shutil.copytree(ROOT / "examples" / "quickstart" / "data", tmp_path / "data")
    lay(section, tmp_path)
    return tmp_path


def lay(section: Section, folder: Path) -> None:
    """Write the files that a section names."""
    folder.mkdir(exist_ok=True)
    for block in section.blocks:
        if block.words and block.language != "console":
            path = folder / block.words[0]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, "utf-8")


def check(block: Block, folder: Path) -> None:
    """Run the block's commands; each answer is as shown."""
    lines = block.text.rstrip("\n").split("\n")
    starts = [at for at, line in enumerate(lines) if line.startswith("$ ")]
    assert starts
    assert starts[0] == 0
    for start, end in pairwise([*starts, len(lines)]):
        answer, _ = run(lines[start][2:], folder)
        shown = tidy(answer.text, folder).rstrip("\n").split("\n")
        expected = tidy("\n".join(lines[start + 1 : end]), folder)
        assert answer.code == 0 or "[exit " in expected, answer.text
        assert re.fullmatch(pattern(expected), "\n".join(shown)), answer.text


def pattern(expected: str) -> str:
    """A pattern for the shown answer: ``…`` lines stand for anything."""
    lines = [line for line in expected.split("\n") if not line.startswith("[exit ")]
    parts = [r"(?:.*\n)*?.*" if line.strip() == "…" else re.escape(line) for line in lines]
    return "\n".join(parts)
