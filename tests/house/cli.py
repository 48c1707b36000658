"""The command line, in this process or as a program of its own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
PLAIN = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "WHYLOGS_NO_ANALYTICS": "1"}


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended and what it said; ``text`` has both streams as they came."""

    code: int
    out: str
    err: str
    text: str


class _Both(io.StringIO):
    """A stream that also writes into a second one."""

    def __init__(self, second: io.StringIO) -> None:
        super().__init__()
        self._second = second

    def write(self, text: str) -> int:
        self._second.write(text)
        return super().write(text)


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, and come back."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def stackc(*arguments: str, cwd: Path, environment: Mapping[str, str] | None = None) -> Answer:
    """Run a command in this process, in a folder."""
    from compiler.cli import main

    text = io.StringIO()
    out, err = _Both(text), _Both(text)
    code: object = 0
    with (
        inside(cwd),
        mock.patch.object(sys, "argv", ["stackc", *arguments]),
        mock.patch.dict(os.environ, {**PLAIN, **(environment or {})}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    number = code if isinstance(code, int) else 0 if code is None else 1
    return Answer(number, out.getvalue(), err.getvalue(), text.getvalue())


def stackc_process(
    *arguments: str,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> Answer:
    """Run a command as a program of its own, as a user does."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env={**outside(), **PLAIN, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr, done.stdout + done.stderr)


def outside() -> dict[str, str]:
    """The environment of a user: without what this process took from a Ray cluster."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "STACKC_RAY_"))}


def command(*arguments: str) -> Sequence[str]:
    """The program's command line, by this interpreter."""
    return [sys.executable, "-c", "from compiler.cli import program; program()", *arguments]
