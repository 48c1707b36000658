"""``stackc show --lineage`` where a name is hostile, and that it needs nothing to be applied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.house.cli import stackc

SPEC = """\
stackc: 1
name: shop
sources:
  s: {path: s.csv, columns: {"a\\u001b[31m": int64, "b c.d": int64}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(SPEC, "utf-8")
    return tmp_path


def test_a_name_of_any_length_and_content_is_refused_on_a_line(shop: Path) -> None:
    for name in ("x" * 100_000, "\x1b[31mred", "sources.s.\x1b[2J\n", "sources.s." + "é" * 999):
        answer = stackc("show", "stack.yaml", "--lineage", name, cwd=shop)
        assert answer.code == 2
        assert answer.err.count("\n") == 1
        assert len(answer.err) < 600
        assert "\x1b" not in answer.err


def test_control_characters_of_a_column_are_made_visible(shop: Path) -> None:
    for name in ("sources.s", "sources.s.a\x1b[31m"):
        answer = stackc("show", "stack.yaml", "--lineage", name, cwd=shop)
        assert answer.code == 0
        assert "a␛[31m" in answer.out
        assert "\x1b" not in answer.out


def test_a_column_with_dots_and_blanks_is_found(shop: Path) -> None:
    answer = stackc("show", "stack.yaml", "--lineage", "sources.s.b c.d", "--format", "json",
                    cwd=shop)  # fmt: skip
    assert json.loads(answer.out)["asked"] == ["sources.s.b c.d"]


def test_nothing_is_written(shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    assert stackc("show", "stack.yaml", "--lineage", "sources.s", cwd=shop).code == 0
    assert sorted(shop.rglob("*")) == before
