"""What the server knows: the texts as they are being written, and the last good compile."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from compiler.analyse.memory import Memory
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError
from compiler.load.half import typing_at
from compiler.load.parse import parse
from compiler.load.text import MAX_BYTES, Text, shown
from compiler.load.where import Here, here
from compiler.pipeline import Compiled, compile_spec
from compiler.source import Span, drafted, noting

LARGE = 1_000_000
"""Characters of a text from which it is not read at each keystroke."""
_BEGIN = re.compile(r"^stackc\s*:", re.MULTILINE)
_WORD_END = re.compile(r"[\w.-]*")
_log = logging.getLogger(__name__)


class Project(Struct):
    """The files that are open, and what is known of the specs among them.

    Attributes:
        drafts: The text of each open file.
        good: The last compile of each spec that found no error.
        asked: The files that the last compile of each spec asked for.
        configs: Each file's own content, when it was last whole.
        memories: What the last good compile of each spec found.
    """

    drafts: dict[Path, str] = field(default_factory=dict)
    good: dict[Path, Compiled] = field(default_factory=dict)
    asked: dict[Path, set[Path]] = field(default_factory=dict)
    configs: dict[Path, Any] = field(default_factory=dict)
    memories: dict[Path, Memory] = field(default_factory=dict)

    def content(self, path: Path) -> str:
        """A file's text, as it is being written or as it lies on the disk."""
        if path in self.drafts:
            return self.drafts[path]
        try:
            with path.open("rb") as file:
                return file.read(MAX_BYTES).decode("utf-8-sig", "replace")
        except (OSError, ValueError):
            return ""

    def config(self, path: Path) -> Any:
        """A file's content as data; while it is half-written, as it was before."""
        self.remember(path, self.content(path))
        return self.configs.get(path)

    def remember(self, path: Path, content: str) -> None:
        """Keep what a file holds, if it is whole, and no larger than specs are."""
        if len(content) > LARGE:
            return
        with contextlib.suppress(StackcError, RecursionError):
            self.configs[path] = parse(Text(path.name, content))

    def compiled(self, path: Path) -> Compiled | None:
        """The last good compile of a spec, or of the one that a group's file belongs to."""
        spec = self.spec_of(path)
        return None if spec is None else self.good.get(spec)

    def spec_of(self, path: Path) -> Path | None:
        """The spec that a file is, or is a part of."""
        if _BEGIN.search(self.content(path)):
            return path
        for spec, files in self.asked.items():
            if path in files:
                return spec
        beside = (folder / "stack.yaml" for folder in path.parents[:4])
        return next((spec for spec in beside if spec.is_file()), path)

    def here(self, path: Path, offset: int) -> Here | None:
        """What stands at an offset, in a text that may be half-written."""
        content = self.content(path)
        found = here(content, offset)
        if found is not None:
            return found
        match = _WORD_END.match(content, offset)
        end = match.end() if match else offset
        typed = typing_at(content, end)
        inside = offset - typed.start
        if content[end : end + 1] == ":" and not typed.value:
            return Here((*typed.path, typed.word), True, typed.start, end, typed.word, inside)
        return Here(typed.path, False, typed.start, end, typed.word, inside)


def look(project: Project, spec: Path, drafts: Mapping[Path, str]) -> tuple[Diagnostic, ...]:
    """Compile a spec with its drafts; the findings. Nothing is written, and nothing gets out."""
    asked: set[Path] = set()
    try:
        with drafted(drafts), noting(asked):
            memory = project.memories.setdefault(spec, Memory())
            compiled = compile_spec(spec, keep=False, memory=memory)
    except StackcError as error:
        return error.diagnostics
    except Exception as problem:
        _log.exception("what was not foreseen, while a text was being written")
        name = type(problem).__name__
        message = f"stackc met something it did not foresee: {name}"
        return (Diagnostic(Code.INTERNAL, message, span=Span.point(shown(spec))),)
    finally:
        project.asked[spec] = {path.resolve() for path in asked}
    project.good[spec] = compiled
    return compiled.warnings
