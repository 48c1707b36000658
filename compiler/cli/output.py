"""What a command says: text on a terminal, one JSON document for programs, findings for both."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from compiler.cli.options import Format
from compiler.diagnostics import Diagnostic
from compiler.report.diagnostics import all_to_json, render, terminal_width
from compiler.report.text_style import Style, wants_colour
from compiler.source import Sources

SCHEMA = 1
"""Version of the JSON documents that commands answer with."""


class Output:
    """One command's two streams.

    A reader that goes away (``stackc plan | head``) ends the output, not the
    command: what is being applied goes on, and ``closed`` tells.
    """

    def __init__(self, format: str, command: str) -> None:
        self.format = format
        self.json = format != Format.TEXT
        self.command = command
        self.closed = False
        self.style = Style(wants_colour(sys.stdout))

    def line(self, text: str = "") -> None:
        """One line for people; nothing when a program listens."""
        if not self.json:
            self._write(sys.stdout, text + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        """Several lines for people, in one write."""
        block = list(texts)
        if block:
            self.line("\n".join(block))

    def remark(self, text: str) -> None:
        """One line beside the answer, on the error stream, whoever listens."""
        self._write(sys.stderr, text + "\n")

    def raw(self, text: str) -> None:
        """The answer itself, whoever listens."""
        self._write(sys.stdout, text)

    def document(
        self,
        data: dict[str, Any],
        *,
        ok: bool = True,
        diagnostics: Iterable[Diagnostic] = (),
    ) -> None:
        """The command's answer for programs; nothing when a person reads."""
        if not self.json:
            return
        head = {"schema": SCHEMA, "command": self.command, "ok": ok}
        self.raw(json_text({**head, **data, "diagnostics": all_to_json(diagnostics)}))

    def findings(self, diagnostics: Iterable[Diagnostic], sources: Sources | None) -> None:
        """Findings for people, on the error stream; a program gets them in the document."""
        if self.json:
            return
        text = render(diagnostics, sources, Style(wants_colour(sys.stderr)), terminal_width())
        if text:
            self._write(sys.stderr, text + "\n")

    def _write(self, stream: TextIO, text: str) -> None:
        if self.closed and stream is sys.stdout:
            return
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            self._close(stream)
        except OSError as problem:
            if problem.errno not in (errno.EPIPE, errno.EINVAL):
                raise
            self._close(stream)

    def _close(self, stream: TextIO) -> None:
        self.closed = True
        # The interpreter flushes once more at its end, and would complain about it there.
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        finally:
            os.close(null)


def json_text(data: Any) -> str:
    """Plain data as readable JSON with a final line break; never NaN or infinity."""
    return (
        json.dumps(finite(data), indent=2, ensure_ascii=True, allow_nan=False, default=str) + "\n"
    )


def finite(data: Any) -> Any:
    """The data with None for the floats that JSON has no words for."""
    if isinstance(data, float):
        return data if data - data == 0 else None
    if isinstance(data, dict):
        return {str(key): finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(value) for value in data]
    return data


def program_version() -> str:
    """The installed version, or ``0+unknown`` when run from a folder."""
    from importlib import metadata

    try:
        return metadata.version("stackc")
    except metadata.PackageNotFoundError:
        return "0+unknown"
