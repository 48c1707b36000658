"""Fingerprints: the content counts, and what was read once is not read again."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from backends.files.read import observe_files
from compiler.graph.operations import ReadFiles
from tests.house.tables import context


def observed(folder: Path, path: str = "*.csv") -> str:
    """What the observer says."""
    return observe_files(ReadFiles(path, "csv", ()), context(folder))


def old(path: Path, text: str, age_s: int = 60) -> None:
    """Write a file that seems to have been there for a while."""
    path.write_text(text)
    then = time.time() - age_s
    os.utime(path, (then, then))


def test_content_counts_and_names_do_not(tmp_path: Path) -> None:
    old(tmp_path / "a.csv", "a\n1\n")
    before = observed(tmp_path)
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    assert observed(tmp_path) == before
    old(tmp_path / "b.csv", "a\n2\n")
    assert observed(tmp_path) != before


def test_a_file_that_nothing_touched_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old(tmp_path / "a.csv", "a\n1\n")
    before = observed(tmp_path)

    def no_reading(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(hashlib, "file_digest", no_reading)
    assert observed(tmp_path) == before
    os.utime(tmp_path / "a.csv")
    with pytest.raises(AssertionError, match="read again"):
        observed(tmp_path)


def test_a_file_of_this_moment_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    stamp = path.stat().st_mtime_ns
    before = observed(tmp_path)
    path.write_text("a\n2\n")
    os.utime(path, ns=(stamp, stamp))
    assert observed(tmp_path) != before


@pytest.mark.parametrize("content", [b"", b"\xff", b"[1]", b'{"version":1,"files":{"x":7}}'])
def test_a_damaged_memory_is_forgotten(tmp_path: Path, content: bytes) -> None:
    old(tmp_path / "a.csv", "a\n1\n")
    before = observed(tmp_path)
    (tmp_path / ".stackc" / "fingerprints.json").write_bytes(content)
    assert observed(tmp_path) == before
