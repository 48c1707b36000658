"""The command line as a text: so that a finding can point at the argument that caused it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compiler.load.text import Text
from compiler.source import COMMAND_LINE, Span


class CommandLine:
    """The arguments a spec was loaded with, joined the way they were typed.

    ``name`` is what spans call it: a sweep has a command line for each of its points.
    """

    def __init__(
        self,
        spec: Path,
        overrides: Sequence[str],
        config_dirs: Sequence[Path],
        name: str = COMMAND_LINE,
        environment: str | None = None,
    ) -> None:
        self.environment = environment
        self.overrides = tuple(override.replace("\r", " ") for override in overrides)
        words = [("…", ""), (str(spec), "")]
        words += [(override, "") for override in self.overrides]
        words += [(str(folder), "--config-dir ") for folder in config_dirs]
        words += [(environment, "--env ")] if environment is not None else []
        content, self._starts = "stackc", []
        for word, flag in words:
            content += f" {flag}"
            self._starts.append(len(content))
            content += word.encode("utf-8", "replace").decode()
        self._lengths = [len(word) for word, _ in words]
        self.text = Text(name, content)

    @property
    def spec(self) -> Span:
        """The argument that names the spec."""
        return self._span(1)

    def override(self, index: int, start: int = 0, end: int | None = None) -> Span:
        """An override, or a stretch of it."""
        return self._span(2 + index, start, end)

    def config_dir(self, index: int) -> Span:
        """A folder given by ``--config-dir``."""
        return self._span(2 + len(self.overrides) + index)

    @property
    def environment_span(self) -> Span:
        """The environment, as ``--env`` names it."""
        return self._span(len(self._starts) - 1)

    def _span(self, word: int, start: int = 0, end: int | None = None) -> Span:
        first, length = self._starts[word], self._lengths[word]
        stop = length if end is None else min(end, length)
        return self.text.span(first + min(start, max(length - 1, 0)), first + stop)
