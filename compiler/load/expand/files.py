"""Further files of a spec: found inside of its folder, read within the same bounds."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from compiler.codes import Code
from compiler.diagnostics import StackcError, did_you_mean, fail
from compiler.load.chunks import Chunks
from compiler.load.text import Text, read_text, shown
from compiler.source import Span


class Folder(Struct, frozen=True, dict=True):
    """The folder of a spec, the file as the user typed it; none of its files may leave it.

    ``chunks`` are what the blocks of its texts are known to mean.
    """

    spec: Path
    chunks: Chunks

    @cached_property
    def own(self) -> Path:
        """The spec's own file, resolved."""
        return self.spec.resolve()

    @property
    def root(self) -> Path:
        """The folder, resolved."""
        return self.own.parent

    def find(self, name: str, asked_at: Span | None) -> Path:
        """The file of a relative name, resolved; whether it is there is not looked at.

        Raises:
            StackcError: E113 where it is outside of the folder, also through a link.
        """
        try:
            path = (self.root / name).resolve()
            outside = PurePosixPath(name).is_absolute() or not path.is_relative_to(self.root)
        except (OSError, RuntimeError, ValueError):
            path, outside = self.root / "?", True
        if outside:
            raise fail(
                Code.PATH_OUTSIDE,
                f"`{name}` lies outside of the spec's folder",
                span=asked_at,
                help="all files of a spec lie in its folder: name it relative to that",
            )
        return path

    def read(self, path: Path, asked_at: Span | None) -> tuple[Text, Any]:
        """The text of a file, and what it holds.

        Raises:
            StackcError: E102, E103 and E105 at who asked for it; E101 to E104
                and E111 in the file itself.
        """
        name = self._name(path)
        try:
            text = read_text(path, name, asked_at)
        except StackcError as error:
            raise self._at(error, path, name, asked_at) from None
        return text, self.chunks.parse(text)

    def _name(self, path: Path) -> str:
        """The file as the user would type it, beside the spec."""
        linked = self.spec.parent.resolve() != self.root
        return shown(path if linked else self.spec.parent / path.relative_to(self.root))

    def _at(self, error: StackcError, path: Path, name: str, asked_at: Span | None) -> StackcError:
        """What is wrong with a file's bytes, told where the file is asked for."""
        if asked_at is None:
            return error
        found = []
        for one in error.diagnostics:
            if one.code is Code.SPEC_NOT_FOUND:
                one = replace(one, help=self._near(path))
            elif one.code is Code.ENCODING and one.span is not None:
                place = f"in line {one.span.line} of `{name}`"
                message = one.message if name in one.message else f"{place}, {one.message}"
                one = replace(one, message=message, span=asked_at)
            found.append(one)
        return StackcError(*found)

    def _near(self, path: Path) -> tuple[str, ...]:
        """What may be meant by a file that is not there."""
        name = path.relative_to(self.root).as_posix()
        try:
            if path.is_dir():
                return (f"name the files in it: `{name}/*.yaml`",)
            beside = [one for one in path.parent.iterdir() if one.suffix in (".yaml", ".yml")]
        except OSError:
            beside = []
        names = [one.relative_to(self.root).as_posix() for one in beside if one != self.own]
        return did_you_mean(name, names)
