"""A worker process: runs one call after another, and ends when its parent does."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

from compiler.diagnostics import Diagnostic, StackcError
from compiler.engine.tasks import Call, Failure, execute


class Worker:
    """The child's end of the pipe.

    Messages up: ``("progress", text)``, ``("secret", text)``, ``("done", value)``.
    Messages down: ``("call", Call)``, ``("secret", text or diagnostics)``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[str | tuple[Diagnostic, ...]] = queue.SimpleQueue()
        self._sending = threading.Lock()

    def serve(self) -> None:
        """Run calls in the main thread until the parent is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            call = self._calls.get()
            with _threads_limited(call.seed.threads):
                value = execute(call, self._secret, self._progress)
            self._answer(value)

    def _listen(self) -> None:
        while True:
            try:
                kind, value = self._connection.recv()
            except (EOFError, OSError):
                # The parent is gone: end at once, with whatever this process has started.
                os.killpg(0, signal.SIGKILL)
            (self._calls if kind == "call" else self._answers).put(value)

    def _send(self, kind: str, value: Any) -> None:
        with self._sending:
            self._connection.send((kind, value))

    def _answer(self, value: Any) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            self._send("done", value)
        except (TypeError, AttributeError, ValueError) as error:
            self._send("done", Failure((), f"the task's answer is no plain data: {error}"))

    def _progress(self, text: str) -> None:
        self._send("progress", str(text))

    def _secret(self, text: str) -> str:
        self._send("secret", text)
        answer = self._answers.get()
        if isinstance(answer, str):
            return answer
        raise StackcError(*answer)


@contextlib.contextmanager
def _threads_limited(threads: int) -> Iterator[None]:
    """Hold the pools of native libraries that are loaded already to so many threads."""
    if "numpy" not in sys.modules or find_spec("threadpoolctl") is None:
        yield
        return
    with import_module("threadpoolctl").threadpool_limits(limits=threads):
        yield


def main() -> None:
    """Serve the connection whose file descriptor is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Worker(Connection(int(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
