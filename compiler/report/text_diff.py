"""What changes in a text, line by line."""

from __future__ import annotations

import difflib

from compiler.report.text_style import Style, Tone, visible

_TONES: dict[str, Tone] = {"+": "good", "-": "error", "@": "accent"}


def difference(before: str, after: str, names: tuple[str, str], style: Style) -> list[str]:
    """A unified diff of two texts; lines that differ only in their end are shown, too."""
    if before.endswith("\n") and after.endswith("\n"):
        before, after = before[:-1], after[:-1]
    lines = difflib.unified_diff(before.split("\n"), after.split("\n"), *names, n=2, lineterm="")
    return [style.paint(visible(line), _TONES.get(line[:1])) for line in lines]
