"""Runs calls of backends: light ones here, heavy ones in worker processes that are kept."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

import compiler
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError
from compiler.engine import durable
from compiler.engine.secrets import Secrets
from compiler.engine.tasks import Call, Failure, execute

_NATIVE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_TAIL = 5


class Limits(Struct, frozen=True):
    """What a run may use: ``jobs`` tasks at once, each with ``threads`` and ``memory`` bytes.

    Threads are the same for every task whatever runs beside it, so that
    sums of floats come out the same each time; tasks that train take turns.
    """

    jobs: int
    threads: int
    memory: int

    @classmethod
    def of_machine(cls, jobs: int | None = None) -> Limits:
        """All processors this process may run on, half of the memory, at most 1 GiB a task."""
        affinity = getattr(os, "sched_getaffinity", None)  # not on every system
        cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
        count = max(1, min(cpus, 8)) if jobs is None else max(1, jobs)
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text("ascii")))
        return cls(count, cpus, max(128 << 20, min(1 << 30, total // (2 * count))))


class _Died(Exception):
    """A worker ended in the middle of a call; ``args`` are its exit status and last words."""


class _Worker:
    """The parent's end of one worker process."""

    def __init__(self, number: int, threads: int, logs: Path, secrets: Secrets) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [sys.executable, "-P", "-m", "compiler.engine.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                env=_environment(threads),
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())
        self._log = logs / f"worker-{number}.log"
        self._secrets = secrets
        self._last: list[str] = []
        self._ending = threading.Lock()
        self._ended = False
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    def run(self, call: Call, progress: Callable[[str], None]) -> Any | Failure:
        """Run one call. Raises _Died when the process ends in the middle of it."""
        try:
            self._connection.send(("call", call))
            while True:
                kind, value = self._connection.recv()
                if kind == "done":
                    return value
                if kind == "secret":
                    self._connection.send(("secret", self._resolve(value)))
                else:
                    progress(value)
        except (EOFError, OSError) as error:
            self.end()
            raise _Died(self._process.returncode, self._last[-_TAIL:]) from error

    def end(self) -> None:
        """Kill the process and all it started; the thread that runs a call may do so too."""
        with self._ending:
            if not self._ended:
                self._ended = True
                self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=2)
        self._connection.close()
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def _resolve(self, text: str) -> str | tuple[Diagnostic, ...]:
        try:
            return self._secrets.resolve(text)
        except StackcError as error:
            return error.diagnostics

    def _read_output(self) -> None:
        """What libraries print goes to a log, scrubbed, and never to the terminal."""
        stream = self._process.stdout
        assert stream is not None  # asked for when the process was started
        for line in stream:
            text = self._secrets.scrub(line.decode("utf-8", "replace"))
            self._last = [*self._last[-_TAIL:], text.rstrip()]
            try:
                durable.make_folder(self._log.parent)
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(text)
            except (OSError, StackcError):
                continue  # a full disk is told by what matters; a log line is not worth a run


class Workers:
    """Runs calls where their isolation says; ``logs`` gets what workers print."""

    def __init__(self, limits: Limits, logs: Path, secrets: Secrets) -> None:
        self.limits = limits
        self._logs = logs
        self._secrets = secrets
        self._idle: list[_Worker] = []
        self._all: list[_Worker] = []
        self._guard = threading.Lock()
        self._closed = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def run(
        self,
        call: Call,
        isolation: Literal["thread", "process"],
        progress: Callable[[str], None],
    ) -> Any:
        """Run a call to its end, in this thread or in a worker while this thread waits.

        Raises:
            StackcError: What the call reported; E711 when its worker died; E799,
                with the report in the log folder, for an error nobody expected.
        """

        def scrubbed(text: str) -> None:
            progress(self._secrets.scrub(text))

        if isolation == "process":
            value = self._in_worker(call, scrubbed)
        else:
            value = execute(call, self._secrets.resolve, scrubbed)
        if isinstance(value, Failure):
            raise self.failed(call.seed.address, call.target, value)
        return value

    def close(self) -> None:
        """End every worker, working or not."""
        with self._guard:
            self._closed = True
            workers, self._all, self._idle = self._all, [], []
        for worker in workers:
            worker.end()

    def _in_worker(self, call: Call, progress: Callable[[str], None]) -> Any | Failure:
        worker = self._take(call.seed.threads)
        if worker is None:
            return Failure(
                (Diagnostic(Code.INTERRUPTED, f"`{call.seed.address}` was not started"),)
            )
        try:
            value = worker.run(call, progress)
        except _Died as died:
            with self._guard:
                if worker in self._all:
                    self._all.remove(worker)
            return Failure((_died(call, *died.args),))
        with self._guard:
            self._idle.append(worker)
        return value

    def _take(self, threads: int) -> _Worker | None:
        with self._guard:
            if self._closed:
                return None
            if self._idle:
                return self._idle.pop()
            worker = _Worker(len(self._all) + 1, threads, self._logs, self._secrets)
            self._all.append(worker)
            return worker

    def failed(self, address: str, target: str, failure: Failure) -> StackcError:
        """The error of a failure, scrubbed; what nobody expected leaves its report in a log."""
        if failure.diagnostics:
            return StackcError(*(self._secrets.scrub_diagnostic(d) for d in failure.diagnostics))
        name = address.replace("/", ".") or "backend"
        report = self._logs / f"{name}.txt"
        text = self._secrets.scrub(f"{target}\n{failure.error}\n\n{failure.trace}")
        durable.write(report, text.encode("utf-8", "replace"))
        shown = f"{report.parent.parent.name}/{report.parent.name}/{report.name}"
        return StackcError(
            Diagnostic(
                Code.INTERNAL,
                self._secrets.scrub(f"`{address}` met an error nobody expected: {failure.error}"),
                help=(f"this is a bug; the whole report is in `{shown}`",),
            )
        )


def _died(call: Call, status: int, last: list[str]) -> Diagnostic:
    if status < 0:
        how = f"was killed by {signal.Signals(-status).name}"
    else:
        how = f"ended with status {status}"
    helps = ["apply again: what finished is kept"]
    if status == -signal.SIGKILL:
        helps.insert(0, "the system kills what uses too much memory: give it less data or more")
    return Diagnostic(
        Code.WORKER_DIED,
        f"the worker process of `{call.seed.address}` {how}",
        help=tuple(helps),
        notes=tuple(f"it last said: {line}" for line in last if line),
    )


def _environment(threads: int) -> dict[str, str]:
    """The parent's environment, and its import path without the working folder's surprises."""
    home = str(Path(compiler.__file__).parent.parent)
    paths = [home, *(str(Path(entry).absolute()) for entry in sys.path)]
    return {
        **os.environ,
        **dict.fromkeys(_NATIVE, str(threads)),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
    }
