"""``stackc fix`` and ``stackc fmt``: files are changed where they should, and nowhere else."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest

from compiler.cli import files, fix
from compiler.load.parse import MAX_NODES
from tests.house.cases import cases
from tests.house.cli import ROOT, stackc

BROKEN = """\
stackc: 1
name: shop
sources:
  orders:
    path: orders.csv   # each night
    colums: {id: int64}
"""
MENDED = BROKEN.replace("colums", "columns")
CASES = [case for page in (ROOT / "tests" / "cases").glob("*.md") for case in cases(page)]
OFFERING = [case for case in CASES if "did you mean" in case.console.text]


def codes(folder: Path) -> list[tuple[str, str]]:
    answer = stackc("compile", "stack.yaml", "--format", "json", cwd=folder)
    return [(found["code"], found["message"]) for found in json.loads(answer.out)["diagnostics"]]


def test_only_what_is_wrong_changes(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_bytes(b"\xef\xbb\xbf" + BROKEN.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    (tmp_path / "stack.yaml").symlink_to(real)
    answer = stackc("fix", "stack.yaml", "--yes", cwd=tmp_path)
    assert (answer.code, answer.out[-15:]) == (0, "1 change made.\n")
    assert real.read_bytes() == b"\xef\xbb\xbf" + MENDED.replace("\n", "\r\n").encode()
    assert real.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "stack.yaml").is_symlink()
    assert not (tmp_path / "stackc.lock").exists()


@pytest.mark.parametrize("case", OFFERING, ids=str)
def test_what_was_mended_is_found_no_more(case: object, tmp_path: Path) -> None:
    case.lay(tmp_path)  # type: ignore[attr-defined]
    before = codes(tmp_path)
    answer = stackc("fix", "stack.yaml", "--yes", "--format", "json", cwd=tmp_path)
    document = json.loads(answer.out)
    left = [(found["code"], found["message"]) for found in document["diagnostics"]]
    assert codes(tmp_path) == left
    if document["fixes"]:
        assert document["written"]
        assert left != before
    assert not any(found["fixes"] for found in document["diagnostics"])
    assert answer.code == (1 if any(code[0] == "E" for code, _ in left) else 0)


def test_most_helps_that_name_a_word_are_mended(tmp_path: Path) -> None:
    made = 0
    for at, case in enumerate(OFFERING):
        folder = tmp_path / str(at)
        folder.mkdir()
        case.lay(folder)
        answer = stackc("fix", "stack.yaml", "--dry-run", "--format", "json", cwd=folder)
        made += bool(json.loads(answer.out)["fixes"])
    assert made >= 0.6 * len(OFFERING)


@pytest.mark.parametrize(("said", "code", "text"), [("y", 0, MENDED), ("n", 1, BROKEN)])
def test_a_person_is_asked(
    said: str, code: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stack.yaml").write_text(BROKEN, "utf-8")
    monkeypatch.setattr(fix, "somebody_is_there", lambda: True)
    monkeypatch.setattr(fix, "asks", lambda question: question == "Make 1 change?" and said == "y")
    assert stackc("fix", "stack.yaml", cwd=tmp_path).code == code
    assert (tmp_path / "stack.yaml").read_text("utf-8") == text


def test_nothing_to_fix(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(MENDED, "utf-8")
    answer = stackc("fix", "stack.yaml", cwd=tmp_path)
    assert (answer.code, answer.text) == (0, "Nothing to fix.\n")


@pytest.mark.parametrize("command", [("fix", "--yes"), ("fmt",)])
def test_a_file_that_changed_meanwhile_is_left_alone(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "stack.yaml"
    spec.write_text(MENDED if command[0] == "fmt" else BROKEN, "utf-8")
    replace = files.replace_text

    def late(path: Path, before: str, after: str) -> None:
        spec.write_text("saved elsewhere", "utf-8")
        replace(path, before, after)

    monkeypatch.setattr(files, "replace_text", late)
    answer = stackc(command[0], "stack.yaml", *command[1:], cwd=tmp_path)
    assert answer.code == 1
    assert "error[E130]" in answer.err
    assert spec.read_text("utf-8") == "saved elsewhere"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_is_closed(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(BROKEN, "utf-8")
    tmp_path.chmod(0o500)
    answer = stackc("fix", "stack.yaml", "--yes", cwd=tmp_path)
    tmp_path.chmod(0o700)
    assert "error[E607]" in answer.err


def test_fmt_lays_out_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    spec = tmp_path / "stack.yaml"
    spec.write_bytes(MENDED.replace("\n", "\r\n").encode())
    assert stackc("fmt", "stack.yaml", "--check", cwd=tmp_path).code == 1
    assert stackc("fmt", "stack.yaml", cwd=tmp_path).out == "stack.yaml is laid out now\n"
    want = MENDED.replace("shop\n", "shop\n\n").replace("csv   #", "csv  #")
    assert spec.read_bytes() == want.encode()
    again = stackc("fmt", "stack.yaml", "--check", cwd=tmp_path)
    assert (again.code, again.out) == (0, "Nothing to change.\n")
    document = json.loads(stackc("fmt", "stack.yaml", "--format", "json", cwd=tmp_path).out)
    assert (document["changed"], document["checked"]) == ([], 1)


def through(content: bytes, folder: Path, *options: str) -> tuple[int, str, str]:
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(content))
    try:
        answer = stackc("fmt", "-", *options, cwd=folder)
    finally:
        sys.stdin = stdin
    return answer.code, answer.out, answer.err


def test_fmt_reads_standard_input(tmp_path: Path) -> None:
    assert through(b"a:   1", tmp_path) == (0, "a: 1\n", "")
    code, out, _ = through(b"a:   1", tmp_path, "--check")
    assert (code, "+a: 1" in out) == (1, True)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: [1", "E101"),
        (b"\xff\xfea", "E102"),
        (b"a: \x00", "E102"),
        (b"a" * (16 * 1024 * 1024 + 1), "E103"),
        (b"[" * 100_000, "E103"),
        (b"- a\n" * (MAX_NODES + 1), "E103"),
        (b"a: 1\na: 2", "E104"),
    ],
    ids=["half", "other encoding", "zero", "large", "deep", "many", "twice"],
)
def test_fmt_refuses_what_is_no_spec(content: bytes, code: str, tmp_path: Path) -> None:
    ended, out, said = through(content, tmp_path)
    assert (ended, out) == (1, "")
    assert re.findall(r"error\[(E\d+)\]", said)[0] == code
