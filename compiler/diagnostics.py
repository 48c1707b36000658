"""Findings about what a user wrote: one type for all of them, from every stage."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from compiler.codes import Code
from compiler.source import Sources, Span

Path: TypeAlias = tuple[str | int, ...]
"""A place in the composed spec: ``("models", "late", "features", 2)``."""

CLEARLY_NEARER = 0.1
"""By how much more alike than the next one a name is that is surely meant."""


class Severity(StrEnum):
    """Whether a finding stops the stage."""

    ERROR = "error"
    WARNING = "warning"


class Within(Struct, frozen=True):
    """A stretch inside a text value (SQL, an expression): character offset and length."""

    offset: int
    length: int = 1


class Place(Struct, frozen=True):
    """Where a finding points before it has a span: a path in the spec, and a stretch in its value.

    ``key`` points at the mapping key itself instead of its value.
    """

    path: Path
    within: Within | None = None
    key: bool = False


class Label(Struct, frozen=True):
    """A second place that belongs to a finding, with what it has to do with it."""

    text: str
    place: Place | None = None
    span: Span | None = None


class Fix(Struct, frozen=True):
    """A mechanical change that mends a finding: the text of a span gives way to another.

    An empty ``text`` deletes the span.
    """

    title: str
    span: Span
    text: str


class Instead(str):
    """A help line that names the one word to write for another; loading makes a `Fix` of it."""

    wrong: str
    right: str

    def __new__(cls, line: str, wrong: str, right: str) -> Instead:
        """The line, and the two words."""
        made = super().__new__(cls, line)
        made.wrong, made.right = wrong, right
        return made

    def __getnewargs__(self) -> tuple[str, str, str]:  # type: ignore[override]
        """A finding goes whole to another process."""
        return str(self), self.wrong, self.right


class Once(str):
    """A help line that says to keep one of two; a `Fix` deletes the second if both are alike."""

    __slots__ = ()


class Diagnostic(Struct, frozen=True):
    """One finding.

    Stages report a ``place`` (a path in the composed spec); the pipeline turns
    places into spans with the provenance that loading kept. Stages that read
    files themselves give the ``span`` at once. ``fixes`` are made from the help
    lines when the finding is located.
    """

    code: Code
    message: str
    place: Place | None = None
    span: Span | None = None
    labels: tuple[Label, ...] = ()
    help: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()

    @property
    def severity(self) -> Severity:
        """Warning for W codes, else error."""
        return Severity.WARNING if self.code.value.startswith("W") else Severity.ERROR

    @property
    def sort_key(self) -> tuple[bool, str, int, int, str]:
        """Located findings first, by file and place, then by code."""
        where = self.span or Span("", 0, 0, 0, 0)
        return (self.span is None, where.source, where.line, where.column, self.code.value)


class StackcError(Exception):
    """What a command ends with: one or more diagnostics, never a traceback.

    ``sources`` are the texts to quote, where a stage that read any knows them.
    """

    def __init__(self, *diagnostics: Diagnostic) -> None:
        # The diagnostics are the arguments, so that the error goes whole to another process.
        super().__init__(*diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = diagnostics
        self.sources: Sources | None = None

    def __str__(self) -> str:
        return "; ".join(f"{d.code.value}: {d.message}" for d in self.diagnostics)


def fail(
    code: Code,
    message: str,
    *,
    path: Path | None = None,
    span: Span | None = None,
    help: str | tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> StackcError:
    """An error of one diagnostic, ready to raise."""
    place = Place(path) if path is not None else None
    helps = (help,) if isinstance(help, str) else help
    return StackcError(Diagnostic(code, message, place, span, (), helps, notes))


class Findings(Struct):
    """A stage's collector: report all, then stop once with everything that was found."""

    diagnostics: list[Diagnostic] = field(default_factory=list)

    def report(
        self,
        code: Code,
        message: str,
        path: Path,
        *,
        within: Within | None = None,
        key: bool = False,
        labels: tuple[Label, ...] = (),
        help: str | tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        """Add one finding at a path of the spec."""
        helps = (help,) if isinstance(help, str) else help
        place = Place(path, within, key)
        self.diagnostics.append(Diagnostic(code, message, place, None, labels, helps, notes))

    def add(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Take over findings that were made elsewhere."""
        self.diagnostics.extend(diagnostics)

    @property
    def errors(self) -> list[Diagnostic]:
        """The findings that stop a stage."""
        return [d for d in self.diagnostics if d.severity is Severity.ERROR]

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The findings that do not."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.WARNING)

    def stop_on_errors(self) -> None:
        """Raise everything found so far if any of it is an error."""
        if self.errors:
            raise StackcError(*self.diagnostics)


def did_you_mean(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Help lines for a word that is not among the known ones: the nearest, or the list.

    Where no other is nearly as near, the line is an `Instead`.
    """
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=2, cutoff=0.6)
    if near:
        line = f"did you mean `{near[0]}`?"
        return (Instead(line, word, near[0]),) if _clear(word, near) else (line,)
    return known_here(names)


def known_here(names: Sequence[str]) -> tuple[str, ...]:
    """A help line that lists names, if there are any."""
    if not names:
        return ()
    shown = ", ".join(f"`{name}`" for name in names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return (f"known here: {shown}{more}",)


def _clear(word: str, near: list[str]) -> bool:
    """Whether the first of the near names is the only one that can be meant."""
    likeness = [difflib.SequenceMatcher(None, word, name).ratio() for name in near]
    return len(near) == 1 or likeness[0] - likeness[1] >= CLEARLY_NEARER


def located(diagnostic: Diagnostic, span: Span | None, labels: tuple[Label, ...]) -> Diagnostic:
    """The same finding with its spans filled in."""
    return replace(diagnostic, span=span, labels=labels)
