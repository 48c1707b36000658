"""Every code has a page, every page a code; a page's examples are what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from compiler.codes import Code
from tests.house.cases import run
from tests.house.cli import ROOT, stackc
from tests.house.markdown import Block, Section, sections

PAGES = ROOT / "compiler" / "codes"
HEAD = re.compile(r"# ([EW]\d{3}): \S.*")
AT_PLAN = {"E325", "E326", "E327", "E328", "E329", "W309"}
"""What is found by a look at the data, which compiling does not take."""
AT_COMPILE = sorted(
    code.value
    for code in Code
    if code.value[:2] in ("E1", "E2", "E3", "W3") and code is not Code.LOCK_WRITTEN
)


def parts(code: str) -> dict[str, Section]:
    """The sections of a code's page by title."""
    return {section.title: section for section in sections((PAGES / f"{code}.md").read_text())}


def codes_of(section: Section, folder: Path, code: str) -> set[str]:
    """Lay a section's files and compile, or plan: the codes of what was found."""
    for block in section.blocks:
        if block.language != "console":
            lay(block, folder)
    console = section.blocks_of("console")
    if console and not section.blocks_of("yaml"):
        return set()
    command = console[0].text.split("\n")[0].removeprefix("$ ") if console else ""
    words = command if command.startswith("stackc compile") else "stackc compile stack.yaml"
    words = "stackc plan stack.yaml" if code in AT_PLAN else words
    answer, _ = run(f"{words} --format json", folder)
    return {finding["code"] for finding in json.loads(answer.out)["diagnostics"]}


def lay(block: Block, folder: Path) -> None:
    """Write one block's file: ``stack.yaml`` unless the fence names another."""
    path = folder / (block.words[0] if block.words else "stack.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, "utf-8")


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(code.value for code in Code)


@pytest.mark.parametrize("code", [code.value for code in Code])
def test_a_page_has_its_three_parts(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text("utf-8")
    head = HEAD.match(text)
    assert head is not None
    assert head[1] == code
    found = parts(code)
    assert [*found] == ["", "Why", "Fails", "Mended"]
    assert found["Why"].prose
    assert found["Fails"].blocks, "show what fails"
    assert found["Mended"].blocks, "show the way out"


@pytest.mark.parametrize("code", AT_COMPILE)
def test_the_failing_example_has_the_code_and_the_mended_one_has_not(
    code: str, tmp_path: Path
) -> None:
    found = parts(code)
    failing, mended = tmp_path / "failing", tmp_path / "mended"
    failing.mkdir()
    mended.mkdir()
    if found["Fails"].blocks_of("yaml"):
        assert code in codes_of(found["Fails"], failing, code)
    if found["Mended"].blocks_of("yaml"):
        assert code not in codes_of(found["Mended"], mended, code)


@pytest.mark.parametrize("code", [code.value for code in Code])
def test_explain_shows_the_page(code: str, tmp_path: Path) -> None:
    answer = stackc("explain", code, cwd=tmp_path)
    assert answer.code == 0
    assert answer.out == (PAGES / f"{code}.md").read_text("utf-8")
