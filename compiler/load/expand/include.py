"""``include``: the blocks of a spec may stand in several files of its folder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Label, StackcError, did_you_mean, fail
from compiler.load.expand.files import Folder
from compiler.load.layers import FileLayer
from compiler.load.text import Text
from compiler.source import Span
from specs.scaling import MODULES
from specs.stack import KINDS

INCLUDE = "include"
MAX_FILES = 1000
"""No spec may have more files."""
_BLOCKS = (*KINDS, MODULES)
_SAME = ("stackc", "name")
_OWN = ("defaults", "environments", INCLUDE)
_GLOB = set("*?[")


def take_include(text: Text, body: dict[str, Any], folder: Folder) -> tuple[FileLayer, ...]:
    """Remove ``include`` from a spec's body, and put the blocks of its files there.

    Returns:
        The files, in the order of their names.

    Raises:
        StackcError: E140 for what is no list of files, E102, E105 and E113 at the
            entry of a file that cannot be read; whatever is wrong inside of one,
            E104 for a block that stands in two.
    """
    if INCLUDE not in body:
        return ()
    reading = _Reading(FileLayer(text), body, folder)
    wanted = body.pop(INCLUDE)
    if not isinstance(wanted, list):
        raise fail(
            Code.INCLUDE,
            "`include` must be a list of files",
            span=reading.main.span((INCLUDE,)),
            help="for example `include: [sources.yaml, models/*.yaml]`",
        )
    for index, entry in enumerate(wanted):
        reading.collect(reading.entry, index, entry)
    files = [reading.files[path] for path in sorted(reading.files)]
    for file in files:
        reading.join(file)
    if reading.findings:
        raise StackcError(*dict.fromkeys(reading.findings))
    return tuple(file.layer for file in files)


class _File(Struct, frozen=True):
    layer: FileLayer
    body: dict[str, Any]


class _Reading(Struct):
    """The files that were found so far, and where each block was first written."""

    main: FileLayer
    body: dict[str, Any]
    folder: Folder
    files: dict[Path, _File] = field(default_factory=dict)
    written: dict[tuple[str, str], FileLayer] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    def collect(self, step: Callable[..., None], *what: Any) -> None:
        """Do a step, and keep what it fails with for later."""
        try:
            step(*what)
        except StackcError as error:
            self.findings += error.diagnostics

    def entry(self, index: int, entry: Any) -> None:
        """Find and read the files of one entry."""
        span = self.main.span((INCLUDE, index))
        if not isinstance(entry, str) or not entry or "${" in entry:
            message = "an entry of `include` is the name of a file, or a pattern such as `*.yaml`"
            raise fail(Code.INCLUDE, message, span=span)
        if _GLOB & set(entry):
            paths = self._matching(entry, span)
        else:
            paths = [self.folder.find(entry, span)]
            if paths[0] == self.folder.own:
                raise fail(Code.INCLUDE, "a spec does not include itself", span=span)
        for path in paths:
            if path not in self.files:
                self.collect(self._read, path, span)

    def _matching(self, pattern: str, span: Span | None) -> list[Path]:
        """The files of a pattern; the spec itself is none of them."""
        self.folder.find(pattern, span)
        try:
            found = list(islice(self.folder.root.glob(pattern), MAX_FILES + 1))
        except (ValueError, NotImplementedError, OSError, IndexError) as error:
            message = f"`{pattern}` is no pattern of files: {error}"
            raise fail(Code.INCLUDE, message, span=span) from None
        if len(found) > MAX_FILES:
            message = f"`{pattern}` matches more than {MAX_FILES:,} files"
            raise fail(Code.INCLUDE, message, span=span, help="name a folder with fewer files")
        inside = [self.folder.find(str(path.relative_to(self.folder.root)), span) for path in found]
        paths = sorted({path for path in inside if path != self.folder.own and not path.is_dir()})
        if not paths:
            raise fail(
                Code.INCLUDE,
                f"no file matches `{pattern}`",
                span=span,
                help="patterns are relative to the spec's folder",
            )
        return paths

    def _read(self, path: Path, span: Span | None) -> None:
        if len(self.files) >= MAX_FILES:
            raise fail(Code.INCLUDE, f"a spec has at most {MAX_FILES:,} files", span=span)
        text, body = self.folder.read(path, span)
        if body is None:
            body = {}
        if not isinstance(body, dict):
            message = f"`{text.name}` must be a mapping of kinds to blocks"
            raise fail(Code.NOT_A_MAPPING, message, span=text.span(0, text.line_end(0)))
        self.files[path] = _File(FileLayer(text), body)

    def join(self, file: _File) -> None:
        """Put the blocks of a file into the spec's body."""
        for key, blocks in file.body.items():
            if key in _SAME:
                self._agree(file, key, blocks)
            elif key not in _BLOCKS:
                self._refuse(file, key)
            elif blocks is not None and not isinstance(blocks, dict):
                message = f"`{key}` must be a mapping of names to blocks"
                self._report(Code.WRONG_TYPE, message, file.layer.span((key,), key=True))
            else:
                self._blocks(file, key, blocks or {})

    def _blocks(self, file: _File, kind: str, blocks: dict[str, Any]) -> None:
        below = self.body.get(kind)
        if below is None:
            below = self.body[kind] = {}
        if not isinstance(below, dict):
            return  # the spec's own mistake is told when it is validated
        for name, block in blocks.items():
            if name in below:
                first = self.written.get((kind, name), self.main)
                self._report(
                    Code.DUPLICATE_KEY,
                    f"`{kind}.{name}` stands in two files of this spec",
                    file.layer.span((kind, name), key=True),
                    (Label("first written here", span=first.span((kind, name), key=True)),),
                    ("keep one of them",),
                )
                continue
            below[name] = block
            self.written[kind, name] = file.layer

    def _agree(self, file: _File, key: str, value: Any) -> None:
        if key not in self.body or self.body[key] == value:
            return
        self._report(
            Code.INCLUDE,
            f"`{key}` is `{value}` here and `{self.body[key]}` in the spec's own file",
            file.layer.span((key,)),
            (Label("the spec's own", span=self.main.span((key,))),),
            (f"one spec has one `{key}`: leave it out here",),
        )

    def _refuse(self, file: _File, key: str) -> None:
        span = file.layer.span((key,), key=True)
        if key in _OWN:
            message = f"`{key}` may only stand in the spec's own file"
            helps: tuple[str, ...] = (f"write it in `{self.main.text.name}`",)
            self._report(Code.INCLUDE, message, span, (), helps)
        else:
            helps = did_you_mean(key, _BLOCKS)
            self._report(Code.UNKNOWN_KEY, f"unknown key `{key}`", span, (), helps)

    def _report(
        self,
        code: Code,
        message: str,
        span: Span | None,
        labels: tuple[Label, ...] = (),
        helps: tuple[str, ...] = (),
    ) -> None:
        self.findings.append(Diagnostic(code, message, None, span, labels, helps))
