"""Markdown as tests read it: headings, and fenced blocks with what their fence says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FENCE = "```"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: ``language`` and ``words`` of its fence, its text, its 0-based lines."""

    language: str
    words: tuple[str, ...]
    text: str
    start: int
    end: int

    @property
    def body(self) -> slice:
        """The lines between the fences."""
        return slice(self.start + 1, self.end)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of level two, or what stands before the first one; its prose and blocks."""

    title: str
    line: int
    prose: str
    blocks: tuple[Block, ...]

    def blocks_of(self, language: str) -> list[Block]:
        """The blocks of one language in order."""
        return [block for block in self.blocks if block.language == language]


def sections(text: str) -> list[Section]:
    """The sections of a page; the first one, without a title, is what precedes them.

    Raises:
        ValueError: A fence is never closed.
    """
    found: list[Section] = []
    title, line, prose, blocks = "", 0, list[str](), list[Block]()
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        here = lines[at]
        if here.startswith(FENCE):
            block = _block(lines, at)
            blocks.append(block)
            at = block.end
        elif here.startswith("## "):
            found.append(Section(title, line, "\n".join(prose).strip(), tuple(blocks)))
            title, line, prose, blocks = here[3:].strip(), at, [], []
        else:
            prose.append(here)
        at += 1
    found.append(Section(title, line, "\n".join(prose).strip(), tuple(blocks)))
    return found


def _block(lines: list[str], start: int) -> Block:
    fence = lines[start]
    ticks = fence[: len(fence) - len(fence.lstrip("`"))]
    for end in range(start + 1, len(lines)):
        if lines[end].rstrip() == ticks:
            words = fence[len(ticks) :].split()
            text = "\n".join([*lines[start + 1 : end], ""]) if end > start + 1 else ""
            return Block(words[0] if words else "", tuple(words[1:]), text, start, end)
    raise ValueError(f"the fence of line {start + 1} is never closed")


def replaced(path: Path, block: Block, text: str) -> None:
    """Write the page with another text in one of its blocks."""
    lines = path.read_text("utf-8").split("\n")
    lines[block.body] = text.rstrip("\n").split("\n") if text else []
    path.write_text("\n".join(lines), "utf-8")
