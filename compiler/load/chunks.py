"""A text by its blocks: one that was parsed before is not parsed again while it is the same.

A spec is sections of blocks: ``models:``, and behind two blanks a name. Where a
text is plainly that, the lines of a block mean the same whatever stands around
them, so their meaning is remembered by their digest. A text that is anything
else, or that something is wrong with, is parsed as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from msgspec import Struct, field, msgpack

from compiler.diagnostics import StackcError
from compiler.load.parse import MAX_NODES, RESERVED, build
from compiler.load.scalars import plain_scalar
from compiler.load.text import Text

MOST_ALONE = 50
"""Blocks that are parsed one by one: more are parsed faster as one text."""
_HEAD = re.compile(r"^(  )?([A-Za-z_][\w-]*):(?=[ \n]|\Z)([ ]*(?:#.*)?$)?", re.A | re.M)
_ELSE = re.compile(r"^(?![ #\n]|[A-Za-z_][\w-]*:(?:[ \n]|\Z)|\Z)", re.A | re.M)
_COMMENTS = re.compile(r"(?:[ ]*(?:#.*)?\n)*")


class Piece(Struct, frozen=True):
    """The lines of one block, or of a whole section that is not made of blocks."""

    section: str
    block: str | None
    content: str

    @property
    def name(self) -> str:
        """The one key that the lines have."""
        return self.section if self.block is None else self.block

    @property
    def digest(self) -> str:
        """What its meaning is remembered by."""
        return blake2b(self.content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Chunks(Struct):
    """What pieces of text mean, by digest: how many values, and the value, as bytes.

    ``known`` is from before; ``used`` is what the texts of this compile are made of.
    """

    known: dict[str, bytes] = field(default_factory=dict)
    used: dict[str, bytes] = field(default_factory=dict)

    def parse(self, text: Text) -> Any:
        """The value of a text, as `parse` gives it.

        Raises:
            StackcError: As `parse`, for the text as a whole.
        """
        pieces = list(split(text.content))
        found = self._assembled(text.name, pieces) if pieces else None
        if found is not None:
            return found
        built = build(text)
        if pieces and not built.anchored and _is_made_of(built.value, pieces):
            for piece in pieces:
                value = built.value[piece.section]
                value = value if piece.block is None else value[piece.block]
                self._note(piece.digest, _count(value), value)
        return built.value

    def _assembled(self, name: str, pieces: list[Piece]) -> dict[str, Any] | None:
        """The value of a text from that of its pieces; None where it has to be read as a whole."""
        digests = [piece.digest for piece in pieces]
        unknown = [at for at, digest in enumerate(digests) if digest not in self.known]
        if len(unknown) > MOST_ALONE or len(unknown) == len(pieces):
            return None
        for at in unknown:
            if not self._read(name, pieces[at], digests[at]):
                return None
        value: dict[str, Any] = {}
        nodes = 1
        for piece, digest in zip(pieces, digests, strict=True):
            content = self.used.get(digest) or self.known[digest]
            count, part = msgpack.decode(content)
            self.used[digest] = content
            nodes += 1 + count
            if piece.block is None:
                value[piece.section] = part
            else:
                nodes += 0 if piece.section in value else 2
                value.setdefault(piece.section, {})[piece.block] = part
        return value if nodes <= MAX_NODES else None

    def _read(self, name: str, piece: Piece, digest: str) -> bool:
        """Parse a piece alone; False where it is not just the one key."""
        try:
            built = build(Text(name, piece.content), above=piece.block is not None)
        except StackcError:
            return False
        if built.anchored or not isinstance(built.value, dict) or [*built.value] != [piece.name]:
            return False
        return self._note(digest, built.nodes - 2, built.value[piece.name])

    def _note(self, digest: str, nodes: int, value: Any) -> bool:
        try:
            self.used[digest] = msgpack.encode((nodes, value))
        except UnicodeEncodeError:  # half of a character, which an escape can write
            return False
        return True


def split(content: str) -> Iterator[Piece]:
    """The pieces of a text in order; none where it is not plainly sections of blocks."""
    heads = list(_HEAD.finditer(content))
    starts = [at for at, head in enumerate(heads) if head[1] is None]
    if not starts or starts[0] or _ELSE.search(content):
        return
    if _COMMENTS.fullmatch(content, 0, heads[0].start()) is None:
        return
    names = [heads[at][2] for at in starts]
    if not _are_keys(names) or RESERVED in names:
        return
    for at, behind in zip(starts, [*starts[1:], len(heads)], strict=True):
        end = heads[behind].start() if behind < len(heads) else len(content)
        yield from _section(content, heads[at:behind], end)


def _section(content: str, heads: list[re.Match[str]], end: int) -> Iterator[Piece]:
    """A section by its blocks; as one piece where it is not made of them alone."""
    head, blocks = heads[0], heads[1:]
    names = [block[2] for block in blocks]
    plain = head[3] is not None and blocks and _are_keys(names)
    if not plain or not _only_comments(content, head, blocks[0]):
        yield Piece(head[2], None, content[head.start() : end])
        return
    ends = [*(block.start() for block in blocks[1:]), end]
    for block, until in zip(blocks, ends, strict=True):
        yield Piece(head[2], block[2], content[block.start() : until])


def _are_keys(names: list[str]) -> bool:
    """Whether each is another text."""
    return len({*names}) == len(names) and all(plain_scalar(name) == name for name in names)


def _only_comments(content: str, head: re.Match[str], block: re.Match[str]) -> bool:
    return _COMMENTS.fullmatch(content, head.end() + 1, block.start()) is not None


def _is_made_of(value: Any, pieces: list[Piece]) -> bool:
    """Whether a text's keys are those that its lines seem to have, in the same order."""
    seen: dict[str, list[str]] = {}
    for piece in pieces:
        blocks = seen.setdefault(piece.section, [])
        if piece.block is not None:
            blocks.append(piece.block)
    return (
        isinstance(value, dict)
        and [*value] == [*seen]
        and all([*value[name]] == blocks for name, blocks in seen.items() if blocks)
    )


def _count(value: Any) -> int:
    """How many values a value is made of, keys and itself among them."""
    if isinstance(value, dict):
        return 1 + sum(1 + _count(part) for part in value.values())
    if isinstance(value, list):
        return 1 + sum(map(_count, value))
    return 1
