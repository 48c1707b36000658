"""One writer per state: a kernel lock, and a record of who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable


class WriterLock:
    """Held from ``with`` to its end; the kernel lets go when the process dies.

    ``wait`` until another process lets go of it, however long that takes.

    Raises:
        StackcError: E603 naming the owner, when another process holds it and
            nobody wants to wait.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self.path = path
        self._mode = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
        self._handle: int | None = None

    def __enter__(self) -> WriterLock:
        durable.make_folder(self.path.parent)
        with durable.guarded(self.path):
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, self._mode)
        except OSError as error:
            os.close(handle)
            raise self._taken() from error
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        self._sign(handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            # The file stays: removing it would let two processes lock two files of one name.
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def _sign(self, handle: int) -> None:
        record = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            # Arguments may carry values; the command's own words say enough.
            "command": " ".join([Path(sys.argv[0] or "python").name, *sys.argv[1:2]]),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with durable.guarded(self.path):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(record).encode(), 0)

    def _taken(self) -> StackcError:
        owner = self.owner()
        who = "another process"
        if owner is not None:
            who = (
                f"`{owner.get('command')}` (process {owner.get('pid')} on {owner.get('host')},"
                f" since {owner.get('since')})"
            )
        return fail(
            Code.STATE_LOCKED,
            f"{who} is changing this project",
            help="wait until it has ended, or end it; a process that died holds no lock",
        )

    def owner(self) -> dict[str, Any] | None:
        """Who holds the lock, as far as the record can be read."""
        try:
            record = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def at_work(self) -> bool:
        """Whether a living process signed the lock; asked without taking it, even for a moment."""
        owner = self.owner()
        if owner is None:
            return False
        pid = owner.get("pid")
        if owner.get("host") != socket.gethostname() or not isinstance(pid, int):
            return True  # nobody here can tell
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):
            return True  # another user's process, alive
        return True
