"""The DVC repository of a project, in process: the user's own, or one under ``.stackc``."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compiler.backend import TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable

_ONE_AT_A_TIME = threading.Lock()
"""DVC's own lock is between processes; tasks in threads take turns before they ask for it."""


@contextmanager
def opened(context: TaskContext) -> Iterator[Any]:
    """The repository, for one task at a time; what DVC says is wrong becomes a diagnostic.

    Raises:
        StackcError: E720 for everything DVC refuses.
    """
    with _ONE_AT_A_TIME, _translated():
        repo = _open(context)
        try:
            yield repo
        finally:
            repo.close()


@contextmanager
def _translated() -> Iterator[None]:
    _quieten()
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc_objects.errors import ObjectDBError

    try:
        yield
    except StackcError:
        raise
    except LockError as error:
        raise refused("another DVC process is at work", "apply again when it has ended") from error
    except (DvcException, ObjectDBError) as error:
        first = str(error).strip().split("\n", 1)[0]
        raise refused(first or type(error).__name__, "look at it with `dvc doctor`") from error


def refused(what: str, way: str) -> StackcError:
    """The error of a DVC that does not do its part."""
    return fail(
        Code.VERSION_STORE,
        f"DVC cannot keep the version: {what}",
        help=(way, "the version that was published before stays in use"),
    )


def _quieten() -> None:
    """No usage reports, and nothing printed: what goes wrong is raised."""
    os.environ["DVC_NO_ANALYTICS"] = "1"
    logging.getLogger("dvc").setLevel(logging.CRITICAL)


def _open(context: TaskContext) -> Any:
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        return Repo(Repo.find_root(str(context.project)))
    except NotDvcRepoError:
        return _own(context.state / "dvc")


def _own(folder: Path) -> Any:
    """A repository without a source control: its config file is all that makes it one."""
    from dvc.repo import Repo

    config = folder / ".dvc" / "config"
    if not config.is_file():
        durable.write(config, b"[core]\n    no_scm = True\n    analytics = False\n")
    # Its bookkeeping stays with it instead of in a folder of the machine's.
    return Repo(str(folder), config={"core": {"site_cache_dir": str(folder / ".dvc/tmp/site")}})
