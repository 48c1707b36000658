"""The quoted part of a diagnostic: source lines, a gutter, and carets under the spans."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from compiler.report.text_style import TAB, Style, Tone, cells, visible, visible_character
from compiler.source import Sources, Span

CONTEXT = 24
MOST_LINES = 5


class Mark(Struct, frozen=True):
    """A span to underline: the primary one with ``^``, others with ``-`` and what they are."""

    span: Span
    text: str = ""
    primary: bool = False


class _Underline(Struct, frozen=True):
    """A mark's stretch of one line: 0-based characters, the end exclusive."""

    start: int
    end: int
    text: str
    primary: bool


class _Line:
    """One source line laid out in cells: tabs widened, control characters spelt out."""

    def __init__(self, text: str) -> None:
        self.shown: list[str] = []
        self.starts: list[int] = [0]
        for character in text:
            at = self.starts[-1]
            shown = " " * (TAB - at % TAB) if character == "\t" else visible_character(character)
            self.shown.append(shown)
            self.starts.append(at + cells(shown))

    def cell(self, character: int) -> int:
        """The cell at which a character starts; beyond the end, one cell a character."""
        last = len(self.shown)
        if character <= last:
            return self.starts[character]
        return self.starts[last] + character - last

    def window(self, focus: _Underline, room: int) -> tuple[int, int]:
        """Which characters are shown: all, or a stretch of ``room`` cells around the focus."""
        count = len(self.shown)
        if self.starts[-1] <= room:
            return 0, count
        start, left = min(focus.start, count), max(0, self.cell(focus.start) - CONTEXT)
        while start > 0 and self.starts[start - 1] >= left:
            start -= 1
        end = start
        while end < count and self.starts[end + 1] - self.starts[start] <= room:
            end += 1
        while start > 0 and end == count and self.starts[end] - self.starts[start - 1] <= room:
            start -= 1
        return start, end


def snippet(
    marks: Iterable[Mark], sources: Sources, style: Style, tone: Tone, width: int = 100
) -> list[str]:
    """The lines that show where a finding is: one part per source, the primary mark's first.

    Args:
        marks: The spans; the first one is pointed at with ``-->``.
        sources: The texts; a line that cannot be read is left out.
        style: Colours the gutter and the carets.
        tone: The primary carets' tone.
        width: Cells that a line may take before it is cut around its caret.
    """
    files: dict[str, list[Mark]] = {}
    for mark in marks:
        files.setdefault(mark.span.source, []).append(mark)
    gutter = len(str(max((m.span.end_line for group in files.values() for m in group), default=1)))
    lines: list[str] = []
    for at, (source, group) in enumerate(files.items()):
        arrow = "-->" if at == 0 else ":::"
        place = f"{visible(source)}:{group[0].span.line}:{group[0].span.column}"
        lines.append(f"{' ' * gutter}{style.paint(arrow, 'accent')} {place}")
        lines += _file(group, sources, _Frame(gutter, style, tone, max(width - gutter - 4, 20)))
    return lines


class _Frame(Struct, frozen=True):
    """What every line of a snippet shares."""

    gutter: int
    style: Style
    tone: Tone
    room: int

    def bar(self, number: str = "", text: str = "") -> str:
        """One line behind the gutter."""
        bar = self.style.paint(f"{number:>{self.gutter}} |", "accent")
        return f"{bar} {text}".rstrip() if text else bar


def _file(marks: list[Mark], sources: Sources, frame: _Frame) -> list[str]:
    rows: dict[int, list[_Underline]] = {}
    texts: dict[int, str] = {}
    for mark in marks:
        for number in _lines_of(mark.span):
            text = sources.line(mark.span.source, number)
            if text is not None:
                texts[number] = text
                rows.setdefault(number, []).append(_underline(mark, number, text))
    if not rows:
        return []
    lines = [frame.bar()]
    before: int | None = None
    for number in sorted(rows):
        if before is not None and number > before + 1:
            lines.append(frame.style.paint("...", "accent"))
        lines += _quoted(number, texts[number], rows[number], frame)
        before = number
    return lines


def _lines_of(span: Span) -> list[int]:
    """The span's lines; of a long one the first few and the last."""
    last = span.end_line
    if span.end_column <= 1 and last > span.line:
        last -= 1
    if last - span.line < MOST_LINES:
        return list(range(span.line, last + 1))
    return [*range(span.line, span.line + MOST_LINES - 2), last]


def _underline(mark: Mark, number: int, text: str) -> _Underline:
    span = mark.span
    indent = len(text) - len(text.lstrip())
    start = span.column - 1 if number == span.line else indent
    end = span.end_column - 1 if number == span.end_line else len(text.rstrip())
    shown = mark.text if number == _lines_of(span)[-1] else ""
    start = min(max(start, 0), len(text))
    return _Underline(start, max(min(end, len(text)), start + 1), shown, mark.primary)


def _quoted(number: int, text: str, marks: list[_Underline], frame: _Frame) -> list[str]:
    line = _Line(text)
    ordered = sorted(marks, key=lambda mark: (not mark.primary, mark.start))
    start, end = line.window(ordered[0], frame.room)
    head = "…" if start else ""
    tail = "…" if end < len(line.shown) else ""
    quoted = head + "".join(line.shown[start:end]).rstrip() + tail
    lines = [frame.bar(str(number), quoted)]
    window, shift = (start, end), len(head)
    lines += [frame.bar("", _carets(mark, line, window, shift, frame)) for mark in ordered]
    return lines


def _carets(
    mark: _Underline, line: _Line, window: tuple[int, int], shift: int, frame: _Frame
) -> str:
    start, end = window
    cut_right = end < len(line.shown)
    edge = line.cell(start)
    last = line.cell(end) - edge if cut_right else line.cell(max(mark.end, end)) - edge
    first = min(max(line.cell(mark.start) - edge, 0), last)
    stop = max(min(line.cell(mark.end) - edge, last), first + 1)
    drawn = ("^" if mark.primary else "-") * min(stop - first, frame.room)
    label = f"{drawn} {visible(mark.text)}" if mark.text else drawn
    return " " * (shift + first) + frame.style.paint(
        label, frame.tone if mark.primary else "accent"
    )
