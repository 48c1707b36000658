"""Markdown cases: a heading, prose, the files of a project, and what commands say there.

Blocks before the first heading belong to every case of the page. A ``yaml``
block is ``stack.yaml`` unless its fence names another file; ``python`` blocks
are run in the project to make what text cannot show; every other block with a
file name is that file. A ``console`` block holds commands and what they print:

    $ stackc compile stack.yaml
    error[E203]: ...
    [exit 1]

``NAME=value`` before the command sets a variable, ``>/dev/null`` behind it
leaves out what goes to standard output.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.house.cli import Answer, inside, stackc
from tests.house.markdown import Block, Section, sections

CHANGING = (
    (re.compile(r"\b\d+(\.\d+)? s\b"), "# s"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\b[0-9a-f]{12,40}\b"), "<key>"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?"), "<time>"),
)
"""What differs from run to run, and how it is shown."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a page, with the blocks that every case of it shares."""

    page: Path
    shared: Section
    section: Section

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.section.title}"

    @property
    def console(self) -> Block:
        """The block of commands and expected answers."""
        return self.section.blocks_of("console")[0]

    def lay(self, folder: Path) -> None:
        """Write the project's files; the case's own ones win."""
        for block in (*self.shared.blocks, *self.section.blocks):
            if block.language == "python":
                with inside(folder):
                    exec(compile(block.text, str(self.page), "exec"), {})
            elif block.language != "console":
                _write(folder, block)

    def answer(self, folder: Path) -> str:
        """Run the commands and show them with their answers, as the page would."""
        shown: list[str] = []
        for line in self.console.text.split("\n"):
            if line.startswith("$ "):
                shown += [line, *_lines(line[2:], folder)]
        return "\n".join([*shown, ""])


def cases(page: Path) -> list[Case]:
    """Every case of a page.

    Raises:
        ValueError: A section has no console block.
    """
    shared, *own = sections(page.read_text("utf-8"))
    for section in own:
        if len(section.blocks_of("console")) != 1:
            raise ValueError(f"{page.name}: `{section.title}` needs one console block")
    return [Case(page, shared, section) for section in own]


def _write(folder: Path, block: Block) -> None:
    name = block.words[0] if block.words else "stack.yaml" if block.language == "yaml" else None
    if name is None:
        raise ValueError(f"line {block.start + 1}: name the file of this block")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, "utf-8")


def _lines(command: str, folder: Path) -> list[str]:
    answer, quiet = run(command, folder)
    text = answer.err if quiet else answer.text
    lines = tidy(text, folder).rstrip("\n").split("\n") if text.strip() else []
    return [*lines, *([f"[exit {answer.code}]"] if answer.code else [])]


def run(command: str, folder: Path) -> tuple[Answer, bool]:
    """Run one command line; also tells whether standard output is to be left out."""
    words = shlex.split(command)
    environment: dict[str, str] = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    quiet = words[-1] == ">/dev/null"
    if words[0] != "stackc":
        raise ValueError(f"cases run stackc and nothing else: {command}")
    arguments = words[1:-1] if quiet else words[1:]
    return stackc(*arguments, cwd=folder, environment=environment), quiet


def tidy(text: str, folder: Path) -> str:
    """The text without the folder's name and whatever else differs from run to run."""
    text = text.replace(str(folder), "<project>")
    for pattern, shown in CHANGING:
        text = pattern.sub(shown, text)
    return "\n".join(line.rstrip() for line in text.split("\n"))
