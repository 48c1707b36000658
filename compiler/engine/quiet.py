"""Keeps what libraries warn of and log off the terminal, in a file of the run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler.engine.secrets import Secrets


class _Scrubbed(logging.Formatter):
    """Lines without values of secrets."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__("%(asctime)s %(name)s %(levelname)s %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.scrub(super().format(record))


class _Late(logging.FileHandler):
    """Makes its folder with the first line, and never complains on the terminal."""

    def _open(self) -> object:  # type: ignore[override]
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A full disk is told by what matters; a log line is not worth a run."""


@contextmanager
def quiet(log: Path, secrets: Secrets) -> Iterator[None]:
    """Send warnings and log records of every thread to a file for a while."""
    handler = _Late(log, delay=True, encoding="utf-8")
    handler.setFormatter(_Scrubbed(secrets))
    root = logging.getLogger()
    lines = logging.getLogger("warnings")
    root.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = lambda message, category, filename, lineno, *_: lines.warning(
                "%s:%s: %s: %s", filename, lineno, category.__name__, message
            )
            yield
    finally:
        root.removeHandler(handler)
        handler.close()
