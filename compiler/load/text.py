"""Texts a user wrote, read within bounds: bytes to characters, and characters to spans."""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import StackcError, did_you_mean, fail
from compiler.source import Span, draft_of

MAX_BYTES = 16 * 1024 * 1024
"""No file of a spec or a config group may be larger."""
MAX_DEPTH = 64
"""No mapping or list of one may stand deeper."""

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_REFUSED_IN_ARGUMENTS = re.compile(_REFUSED.pattern[:-1] + "\ud800-\udfff]")
_WIDE_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


class Text(Struct, frozen=True):
    """A text with the name that spans carry; offsets count characters from 0, without the BOM."""

    name: str
    content: str

    def span(self, start: int, end: int | None = None) -> Span:
        """The span from one offset to another, at least one character wide."""
        return self.span_of(start, start + 1 if end is None or end <= start else end)

    def span_of(self, start: int, end: int) -> Span:
        """The span from one offset to another, which may be the same."""
        line, column = self._place(start)
        end_line, end_column = self._place(end)
        return Span(self.name, line, column, end_line, end_column)

    def offset(self, line: int, column: int) -> int:
        """The offset of a 1-based line and column; the end where the text is shorter."""
        start = 0
        for _ in range(line - 1):
            start = self.content.find("\n", start) + 1
            if start == 0:
                return len(self.content)
        return min(start + column - 1, len(self.content))

    def line_end(self, offset: int) -> int:
        """The offset where the line of an offset ends, trailing blanks left out."""
        end = self.content.find("\n", offset)
        end = len(self.content) if end < 0 else end
        return offset + len(self.content[offset:end].rstrip())

    def _place(self, offset: int) -> tuple[int, int]:
        line = self.content.count("\n", 0, offset) + 1
        return line, offset - self.content.rfind("\n", 0, offset)


def shown(path: Path) -> str:
    """A path as the user would type it: relative to the working folder where it lies below it."""
    try:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they were written
        name = absolute.relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        name = path.as_posix()
    return name.encode("utf-8", "replace").decode()


def read_text(path: Path, name: str, asked_at: Span | None = None) -> Text:
    """Read a file of a spec.

    Args:
        path: The file.
        name: What spans call it.
        asked_at: Who named the file, to point at when it cannot be read.

    Raises:
        StackcError: E105 when it cannot be read, E103 when it is too large,
            E102 when it is not UTF-8 text.
    """
    return decode(bounded(_read_bytes(path, name, asked_at), name, asked_at), name)


def bounded(data: bytes, name: str, asked_at: Span | None = None) -> bytes:
    """The bytes of a file that is not too large.

    Raises:
        StackcError: E103 when it is.
    """
    if len(data) > MAX_BYTES:
        raise fail(
            Code.YAML_BOUNDS,
            f"`{name}` is larger than {MAX_BYTES // 1024 // 1024} MB",
            span=asked_at or Span.point(name),
            help="a spec names data and models; keep the data itself in files of its own",
        )
    return data


def decode(data: bytes, name: str) -> Text:
    """The characters of a file's bytes: UTF-8, with or without a byte order mark.

    Raises:
        StackcError: E102 at the first byte or character that a spec may not hold.
    """
    for mark, encoding in _WIDE_MARKS.items():
        if data.startswith(mark):
            raise _encoding(f"`{name}` is {encoding} text", Span.point(name))
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = Text(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = Text(name, data[: error.start].decode("utf-8"))
        byte = data[error.start]
        message = f"the byte 0x{byte:02x} is not UTF-8 text"
        raise _encoding(message, before.span(len(before.content))) from None
    found = _REFUSED.search(text.content)
    if found:
        message = f"the character U+{ord(found.group()):04X} may not stand in a spec"
        way_out = "remove it, or write it as an escape in double quotes"
        raise _encoding(message, text.span(found.start()), way_out)
    return text


def refused_character(argument: str) -> re.Match[str] | None:
    """The first character of an argument that a spec may not hold either."""
    return _REFUSED_IN_ARGUMENTS.search(argument)


def _encoding(message: str, span: Span, help: str = "save the file as UTF-8") -> StackcError:
    return fail(Code.ENCODING, message, span=span, help=help)


def _read_bytes(path: Path, name: str, asked_at: Span | None) -> bytes:
    draft = draft_of(path)
    if draft is not None:
        return draft
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        reason = "is a folder" if stat.S_ISDIR(mode) else "is not a regular file"
    except (OSError, ValueError) as error:
        reason = _reason(error)
    raise fail(
        Code.SPEC_NOT_FOUND,
        f"`{name}` {reason}",
        span=asked_at or Span.point(name),
        help=_near_files(path),
    )


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "does not exist"
    if isinstance(error, PermissionError):
        return "may not be read by this user"
    return "cannot be read: " + (getattr(error, "strerror", None) or "the path is malformed")


def _near_files(path: Path) -> tuple[str, ...]:
    try:
        folder = path if path.is_dir() else path.parent
        names = [entry.name for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml")]
        names = [name for name in names if name != path.name]
    except (OSError, ValueError):
        names = []
    if not names:
        return ("`stackc init` writes a first spec",)
    if folder is path:
        return did_you_mean(str(path / "stack.yaml"), [str(path / name) for name in names])
    return did_you_mean(path.name, names)
