"""The frame around every command: it ends with an exit code, never with a traceback."""

from __future__ import annotations

import errno
import functools
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TextIO

from compiler.cli.output import Output
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError
from compiler.source import Sources

P = ParamSpec("P")

DONE, FAILED, USAGE, CHANGES = 0, 1, 2, 3
INTERRUPTED, PIPE_CLOSED = 130, 141


class Refused(Exception):
    """A command was asked in a way it cannot answer: wrong usage, exit code 2."""


def soften(*streams: TextIO) -> None:
    """Let streams of any encoding show any text: what they cannot show is escaped."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def guarded(command: Callable[P, int | None]) -> Callable[P, None]:
    """The command as the program runs it: exits with its code, whatever happens inside."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        name = command.__module__.rsplit(".", 1)[-1]
        output = Output(str(kwargs.get("format", "text")), name)
        raise SystemExit(_run(lambda: command(*args, **kwargs), output, kwargs))

    return run


def _run(command: Callable[[], int | None], output: Output, given: dict[str, Any]) -> int:
    try:
        return command() or DONE
    except StackcError as error:
        fail_with(output, error)
        return FAILED
    except Refused as refusal:
        output.remark(f"stackc {output.command}: {refusal}")
        return USAGE
    except KeyboardInterrupt:
        output.remark("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        output.closed = True
        return PIPE_CLOSED
    except Exception as problem:
        if os.environ.get("STACKC_DEBUG") == "1":
            raise
        fail_with(output, StackcError(_unforeseen(problem, given)))
        return FAILED


def fail_with(output: Output, error: StackcError) -> None:
    """Show what a command failed with."""
    sources = getattr(error, "sources", None)
    output.findings(error.diagnostics, sources if isinstance(sources, Sources) else None)
    output.document({}, ok=False, diagnostics=error.diagnostics)


def _unforeseen(problem: Exception, given: dict[str, Any]) -> Diagnostic:
    """The finding for what no stage foresaw; the traceback goes to a file."""
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
        where = f" at {problem.filename}" if problem.filename else ""
        return Diagnostic(
            Code.NO_SPACE,
            f"no space is left on the device{where}",
            help=("free some space and run the same command again: what was done is kept",),
        )
    if isinstance(problem, PermissionError):
        return Diagnostic(
            Code.PROJECT_FOLDER,
            f"{problem.filename or 'a file'} may not be written or read: {problem.strerror}",
            help=("give yourself the permission, or move the project",),
        )
    log = _log_traceback(problem, given)
    return Diagnostic(
        Code.INTERNAL,
        f"stackc met something it did not foresee: {type(problem).__name__}",
        help=(
            "nothing that was committed is lost; the same command may be run again",
            f"this is a fault of stackc: please report it with {log}"
            if log
            else "this is a fault of stackc: run it again with STACKC_DEBUG=1 and report it",
        ),
    )


def _log_traceback(problem: Exception, given: dict[str, Any]) -> Path | None:
    """Where the traceback was written. Messages stay out of it: they may quote what is secret."""
    frames = traceback.format_list(traceback.extract_tb(problem.__traceback__))
    text = "".join(["Traceback\n", *frames, f"{type(problem).__name__}\n"])
    name = f"fault-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in _log_folders(given.get("spec")):
        try:
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return folder / name
    return None


def _log_folders(spec: object) -> list[Path]:
    import tempfile

    folders = [Path(tempfile.gettempdir())]
    if isinstance(spec, Path) and (spec.parent / ".stackc").is_dir():
        folders.insert(0, spec.parent / ".stackc" / "logs")
    return folders


def somebody_is_there() -> bool:
    """Whether a person at a terminal can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def asks(question: str) -> bool:
    """Whether a person at a terminal says yes.

    Raises:
        Refused: Nobody is there to be asked.
    """
    if not somebody_is_there():
        raise Refused("nobody is there to be asked: say --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
