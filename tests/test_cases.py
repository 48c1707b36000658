"""Every case of tests/cases answers as it says; ``make cases-update`` rewrites the answers."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.house.cases import Case, cases
from tests.house.cli import ROOT
from tests.house.markdown import replaced

PAGES = sorted((ROOT / "tests" / "cases").glob("*.md"))
ALL = [case for page in PAGES for case in cases(page)]
UPDATE = os.environ.get("CASES_UPDATE") == "1"


def files_of(folder: Path) -> dict[str, bytes]:
    """What the user has in a project: everything but stackc's own folder and lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".stackc" not in path.parts and path.name != "stackc.lock"
    }


@pytest.mark.parametrize("case", ALL, ids=str)
def test_a_case_answers_as_its_page_says(case: Case, tmp_path: Path) -> None:
    case.lay(tmp_path)
    before = files_of(tmp_path)
    answer = case.answer(tmp_path)
    assert files_of(tmp_path) == before, "a command changed the user's files"
    if UPDATE:
        update(case, answer)
        return
    assert answer == case.console.text


@pytest.mark.parametrize("case", ALL, ids=str)
def test_law_6_every_finding_of_a_case_has_a_place(case: Case) -> None:
    findings = re.split(r"^(?=(?:error|warning)\[)", case.console.text, flags=re.M)[1:]
    for finding in findings:
        assert re.search(r"^ *--> .+:\d+:\d+$", finding, flags=re.M), finding


def test_case_titles_are_unique() -> None:
    titles = [str(case) for case in ALL]
    assert len(titles) == len(set(titles))


def test_broken_specs_are_many() -> None:
    failing = [case for case in ALL if "[exit 1]" in case.console.text]
    assert len(failing) >= 220


def update(case: Case, answer: str) -> None:
    """Rewrite the case's block; the page may have shifted since it was read."""
    fresh = next(c for c in cases(case.page) if c.section.title == case.section.title)
    replaced(case.page, fresh.console, answer)
