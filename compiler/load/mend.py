"""Makes the help lines that are mechanical into fixes: texts that replace texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

import yaml
from msgspec import Struct
from msgspec.structs import replace

from compiler.diagnostics import Diagnostic, Fix, Instead, Once
from compiler.load.edit import EditError, Editor
from compiler.load.render import rendered
from compiler.load.text import Text

Texts: TypeAlias = Callable[[str], Text | None]
"""The text of a file of the user's, by the name that spans carry."""

_PLAIN_WORD = re.compile(r"[^\W\d]\w*")


class Edit(Struct, frozen=True):
    """One change of a text: what stands between two offsets gives way to ``text``."""

    start: int
    end: int
    text: str


def mended(diagnostic: Diagnostic, texts: Texts) -> Diagnostic:
    """The finding with the fixes that its help lines name, where they are clear in the text."""
    span = diagnostic.span
    lines = [line for line in diagnostic.help if isinstance(line, Instead | Once)]
    text = texts(span.source) if lines and span is not None else None
    if text is None or span is None or diagnostic.fixes:
        return diagnostic
    start = text.offset(span.line, span.column)
    end = text.offset(span.end_line, span.end_column)
    sql = diagnostic.place is not None and diagnostic.place.within is not None
    fixes = []
    for line in lines:
        edit = _once(text, start) if isinstance(line, Once) else _word(text, start, end, line, sql)
        if edit is not None:
            fixes.append(Fix(_title(line), text.span_of(edit.start, edit.end), edit.text))
    return replace(diagnostic, fixes=tuple(fixes))


def edited(content: str, edits: Iterable[Edit]) -> str:
    """The text after some changes; one that reaches into another is left out."""
    done = len(content) + 1
    for edit in sorted(set(edits), key=lambda e: (e.start, e.end, e.text), reverse=True):
        if edit.end <= done:
            content = content[: edit.start] + edit.text + content[edit.end :]
            done = edit.start
    return content


def edit_of(before: str, after: str) -> Edit:
    """The one change that makes a text another."""
    start = 0
    shortest = min(len(before), len(after))
    while start < shortest and before[start] == after[start]:
        start += 1
    behind = 0
    while behind < shortest - start and before[-1 - behind] == after[-1 - behind]:
        behind += 1
    return Edit(start, len(before) - behind, after[start : len(after) - behind])


def edit_at(text: Text, fix: Fix) -> Edit:
    """A fix as offsets of its text."""
    span = fix.span
    start = text.offset(span.line, span.column)
    return Edit(start, text.offset(span.end_line, span.end_column), fix.text)


def _title(line: Instead | Once) -> str:
    if isinstance(line, Once):
        return "remove what stands twice"
    return f"write `{line.right}` instead of `{line.wrong}`"


def _word(text: Text, start: int, end: int, line: Instead, sql: bool) -> Edit | None:
    """The change of the only such word in a stretch; a word that would need quotes is not one."""
    raw = text.content[start:end]
    if raw == line.wrong and not sql:
        return Edit(start, end, rendered(line.right, flow=True))
    word = re.compile(rf"(?<!\w){re.escape(line.wrong)}(?!\w)", re.IGNORECASE if sql else 0)
    found = list(word.finditer(raw))
    if len(found) != 1 or not _PLAIN_WORD.fullmatch(line.right.replace(".", "_")):
        return None
    return Edit(start + found[0].start(), start + found[0].end(), line.right)


def _once(text: Text, start: int) -> Edit | None:
    """The deletion of the entry that begins at an offset, if one before it says the same."""
    editor = Editor(text.content)
    try:
        found = editor.delete_twin(start)
    except (EditError, yaml.YAMLError, RecursionError, ValueError):
        # The finding may be one of several that keep the text from being read as a tree.
        return None
    return edit_of(text.content, editor.content) if found else None
