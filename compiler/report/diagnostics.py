"""Findings as text for people and as JSON for programs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from typing import Any

from compiler.diagnostics import Diagnostic, Fix, Label, Severity
from compiler.report.text_snippet import Mark, snippet
from compiler.report.text_style import Style, Tone, plural, visible, visible_lines
from compiler.source import Sources, Span

SCHEMA = 1
"""Version of the JSON form of diagnostics."""

WIDTH = 100
"""Cells of a line where nobody says how wide the terminal is."""


def render(
    diagnostics: Iterable[Diagnostic],
    sources: Sources | None = None,
    style: Style | None = None,
    width: int = WIDTH,
) -> str:
    """All findings as text, in the order of their places, with a summary line at the end.

    Args:
        diagnostics: The findings; their spans are quoted where there are any.
        sources: The texts to quote from; read from disk when left out.
        style: Colours; none when left out.
        width: Cells of the terminal: longer lines are cut around their caret.

    Returns:
        The text without a final line break; empty without findings.
    """
    found = sorted(diagnostics, key=lambda finding: finding.sort_key)
    if not found:
        return ""
    texts, painter = sources or Sources(), style or Style()
    parts = ["\n".join(render_one(finding, texts, painter, width)) for finding in found]
    return "\n\n".join([*parts, summary(found, painter)])


def render_one(
    diagnostic: Diagnostic, sources: Sources, style: Style, width: int = WIDTH
) -> list[str]:
    """The lines of one finding: headline, quoted source, help and notes."""
    severity = diagnostic.severity
    tone: Tone = "error" if severity is Severity.ERROR else "warning"
    head = style.paint(f"{severity.value}[{diagnostic.code.value}]", tone)
    lines = [f"{head}{style.paint(': ' + visible(diagnostic.message), 'bold')}"]
    marks = _marks(diagnostic)
    if marks:
        lines += snippet(marks, sources, style, tone, width)
    indent = " " * (len(str(max((m.span.end_line for m in marks), default=1))) + 1)
    for label in diagnostic.labels:
        if label.span is None:
            lines += _remark("note", label.text, indent, style)
    for text in diagnostic.help:
        lines += _remark("help", text, indent, style)
    for text in diagnostic.notes:
        lines += _remark("note", text, indent, style)
    return lines


def _marks(diagnostic: Diagnostic) -> list[Mark]:
    primary = [Mark(diagnostic.span, primary=True)] if diagnostic.span else []
    others = [Mark(label.span, label.text) for label in diagnostic.labels if label.span]
    return primary + others


def _remark(word: str, text: str, indent: str, style: Style) -> list[str]:
    first, *rest = visible_lines(text)
    head = f"{indent}{style.paint('=', 'accent')} {style.paint(word, 'bold')}: {first}"
    return [head, *(f"{indent}{' ' * (len(word) + 4)}{line}".rstrip() for line in rest)]


def summary(diagnostics: Sequence[Diagnostic], style: Style | None = None) -> str:
    """How much was found: ``2 errors, 1 warning``."""
    painter = style or Style()
    errors = sum(d.severity is Severity.ERROR for d in diagnostics)
    warnings = len(diagnostics) - errors
    parts = []
    if errors:
        parts.append(painter.paint(plural(errors, "error"), "error"))
    if warnings:
        parts.append(painter.paint(plural(warnings, "warning"), "warning"))
    return ", ".join(parts)


def terminal_width() -> int:
    """Cells of the terminal that is written to."""
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, 40)


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """One finding as plain data; the form is stable under ``SCHEMA``."""
    return {
        "code": diagnostic.code.value,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "span": span_json(diagnostic.span),
        "labels": [_label_json(label) for label in diagnostic.labels],
        "help": list(diagnostic.help),
        "notes": list(diagnostic.notes),
        "fixes": [fix_json(fix) for fix in diagnostic.fixes],
    }


def all_to_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """All findings as plain data, in the order of their places."""
    return [to_json(found) for found in sorted(diagnostics, key=lambda d: d.sort_key)]


def _label_json(label: Label) -> dict[str, Any]:
    return {"text": label.text, "span": span_json(label.span)}


def fix_json(fix: Fix) -> dict[str, Any]:
    """A mechanical change as plain data."""
    return {"title": fix.title, "span": span_json(fix.span), "text": fix.text}


def span_json(span: Span | None) -> dict[str, Any] | None:
    """A span as plain data: 1-based lines and columns, the end column exclusive."""
    if span is None:
        return None
    return {
        "file": span.source,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
