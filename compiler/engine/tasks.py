"""One call of a backend's code, the same in a thread as in a worker process."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.backend import Json, Settings, TaskContext
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError
from compiler.engine import durable


class Seed(Struct, frozen=True):
    """The plain part of a task's context; the callables are added where it runs."""

    address: str
    key: str
    input_keys: dict[str, str]
    observed: str | None
    project: Path
    state: Path
    workdir: Path
    threads: int
    memory: int
    settings: Settings


class Call(Struct, frozen=True):
    """``target`` names what is called, ``method`` a method of a resource; the context comes last.

    Plain data all through: it crosses to a worker process.
    """

    target: str
    method: str | None
    arguments: tuple[Any, ...]
    seed: Seed


class Failure(Struct, frozen=True):
    """Why a call gave nothing: findings, or the traceback of what nobody expected."""

    diagnostics: tuple[Diagnostic, ...] = ()
    error: str = ""
    trace: str = ""


def execute(
    call: Call, secret: Callable[[str], str], progress: Callable[[str], None]
) -> Any | Failure:
    """Run a call here and now; every error comes back as a value."""
    seed = call.seed
    context = TaskContext(
        address=seed.address, key=seed.key, input_keys=seed.input_keys, observed=seed.observed,
        project=seed.project, state=seed.state, workdir=seed.workdir, threads=seed.threads,
        memory=seed.memory, settings=seed.settings, secret=secret, progress=progress,
    )  # fmt: skip
    try:
        found = load(call.target)
        function = found if call.method is None else getattr(found(), call.method)
        return function(*call.arguments, context)
    except StackcError as error:
        return Failure(error.diagnostics)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return Failure(durable.write_error(error, seed.workdir / "output").diagnostics)
        return unexpected(error)
    except MemoryError:
        return Failure(
            (
                Diagnostic(
                    Code.WORKER_DIED,
                    f"`{seed.address}` ran out of memory",
                    help=("give it less data or more memory, and apply again",),
                ),
            )
        )
    except Exception as error:  # whatever a backend lets through becomes E799 with its report
        return unexpected(error)


def load(target: str) -> Any:
    """What ``package.module:name`` names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def plain(value: Any) -> Json:
    """Plain JSON data of what a backend says about its work: NumPy's numbers become numbers."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        return plain(value.item())
    return str(value)


def unexpected(error: BaseException) -> Failure:
    """An error that no stage turned into findings, with its traceback."""
    text = "".join(traceback.format_exception(error))
    first = str(error).strip().split("\n", 1)[0][:300]
    return Failure((), f"{type(error).__name__}: {first}" if first else type(error).__name__, text)
