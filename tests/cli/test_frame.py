"""How commands start, answer and end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compiler.cli import COMMANDS, output
from compiler.cli.files import write_text
from compiler.cli.frame import Refused, guarded
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.source import Sources, Span
from tests.house.cli import ROOT, command, stackc, stackc_process

HEAVY = (
    "duckdb", "pyarrow", "numpy", "pandas", "onnx", "onnxruntime", "sklearn", "hydra",
    "omegaconf", "sqlglot", "yaml", "rich", "jinja2", "whylogs", "ray", "torch",
    "specs.stack", "compiler.pipeline", "compiler.engine.state",
)  # fmt: skip


def ended(body: Any, **given: Any) -> int:
    """The exit code of a command with this body."""
    with pytest.raises(SystemExit) as end:
        guarded(body)(**given)
    assert isinstance(end.value.code, int)
    return end.value.code


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    # Typer itself brings pydantic as soon as a command's own arguments are read.
    program = (
        "import sys\n"
        "from compiler.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in HEAVY if name in sys.modules], file=sys.stderr)\n"
    )
    for arguments, more in ((["--help"], ("pydantic",)), (["apply", "--help"], ())):
        done = subprocess.run(
            [sys.executable, "-c", program.replace("HEAVY", repr(HEAVY + more)), *arguments],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stderr.strip() == "[]"


def test_every_command_is_listed_and_explains_itself(tmp_path: Path) -> None:
    listed = stackc("--help", cwd=tmp_path)
    assert listed.code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in listed.out
        page = stackc(name, "--help", cwd=tmp_path)
        assert page.code == 0
        # What an editor speaks with it is a protocol of its own.
        assert ("--format" in page.out) == (name != "lsp")


def test_wrong_usage_ends_with_two(tmp_path: Path) -> None:
    for arguments in (["compile"], ["nothing"], ["plan", "a.yaml", "--no-such"], ["gc", "--x"]):
        answer = stackc(*arguments, cwd=tmp_path)
        assert answer.code == 2, arguments
        assert "Traceback" not in answer.text


def test_a_finding_is_rendered_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    def body() -> int:
        error = fail(Code.UNKNOWN_COLUMN, "no `x`", span=Span("a.yaml", 1, 1, 1, 2))
        error.sources = Sources()
        error.sources.add("a.yaml", "x: 1")
        raise error

    assert ended(body) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == ("error[E203]: no `x`\n --> a.yaml:1:1\n  |\n1 | x: 1\n  | ^\n\n1 error\n")


def test_a_program_gets_findings_as_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    def body(format: str) -> int:
        raise StackcError(*fail(Code.CYCLE, "round").diagnostics)

    assert ended(body, format="json") == 1
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["ok"] is False
    assert [found["code"] for found in document["diagnostics"]] == ["E202"]
    assert said.err == ""


def test_the_unforeseen_is_a_finding_with_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".stackc").mkdir()

    def body(spec: Path) -> int:
        raise ZeroDivisionError("hunter" + str(1 + 1))

    assert ended(body, spec=tmp_path / "stack.yaml") == 1
    said = capsys.readouterr().err
    assert said.startswith("error[E799]: ")
    assert "Traceback" not in said
    (log,) = (tmp_path / ".stackc" / "logs").iterdir()
    assert str(log) in said
    text = log.read_text()
    assert "ZeroDivisionError" in text
    assert "test_frame.py" in text
    assert "hunter2" not in text + said


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKC_DEBUG", "1")

    def body() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guarded(body)()


@pytest.mark.parametrize(
    ("problem", "code"),
    [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141), (Refused("no"), 2)],
)
def test_every_end_has_its_code(problem: BaseException, code: int) -> None:
    def body() -> int:
        raise problem

    assert ended(body) == code


def test_a_full_disk_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    def body() -> int:
        raise OSError(28, "No space left on device", "/x/y")

    assert ended(body) == 1
    assert capsys.readouterr().err.startswith("error[E712]: no space is left on the device at /x/y")


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command("schema"), stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert done.stderr == b""
    assert done.returncode in (0, 141)


def test_a_full_standard_output_is_a_finding(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("schema"), stdout=full, stderr=subprocess.PIPE, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"E712" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_stream_of_any_encoding_shows_any_text(tmp_path: Path) -> None:
    (tmp_path / "stäck.yaml").write_text("stackc: 1\nname: 名前\n", "utf-8")
    answer = stackc_process(
        "compile", "stäck.yaml", cwd=tmp_path, environment={"PYTHONIOENCODING": "ascii"}
    )
    assert answer.code == 1
    assert "error[E" in answer.err
    assert "Traceback" not in answer.err


def test_written_files_are_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "graph.json"
    write_text(target, "one")
    write_text(target, "zwei é")
    assert target.read_text("utf-8") == "zwei é"
    assert [path.name for path in tmp_path.iterdir()] == ["graph.json"]
    for wrong in (tmp_path / "no" / "such.json", tmp_path):
        with pytest.raises(StackcError) as caught:
            write_text(wrong, "x")
        assert caught.value.diagnostics[0].code is Code.PROJECT_FOLDER


def test_json_has_no_words_for_infinity() -> None:
    text = output.json_text({"a": [float("nan"), float("-inf"), 1.5], "b": (1,), 3: "é"})
    assert json.loads(text) == {"a": [None, None, 1.5], "b": [1], "3": "é"}
