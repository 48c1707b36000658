"""Says in a user's words what a YAML reader could not read, and where."""

from __future__ import annotations

from typing import NamedTuple

import yaml

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Label
from compiler.load.text import MAX_DEPTH, Text


class _Story(NamedTuple):
    """A way to go wrong: what the parser says (context, problem), and what we say."""

    context: str
    problem: str
    message: str
    help: str
    at_context: bool = False


_STORIES = (
    _Story(
        "quoted scalar",
        "unexpected end of stream",
        "this quote is never closed",
        "close it with the same quote, or write the text as a block: `key: |`",
        True,
    ),
    _Story(
        "quoted scalar",
        "escape",
        "this backslash escape does not exist",
        "use single quotes where a backslash is meant, as in regular expressions",
    ),
    _Story(
        "quoted scalar",
        "document indicator",
        "this quote is never closed",
        "close it with the same quote",
        True,
    ),
    _Story(
        "",
        "mapping values are not allowed",
        "a `: ` is not possible here",
        "quote the text if it holds `: `, and check the indentation of this line and the one above",
    ),
    _Story(
        "simple key",
        "expected ':'",
        "this line is no `key: value`",
        "add the `:`, or indent the line so that it continues the text above",
        True,
    ),
    _Story(
        "flow sequence",
        "',' or ']'",
        "this `[` is never closed, or a `,` is missing after an item",
        "close the list with `]`",
        True,
    ),
    _Story(
        "flow mapping",
        "',' or '}'",
        "this `{` is never closed, or a `,` is missing after an entry",
        "close the mapping with `}`; quote a text that begins with `{`",
        True,
    ),
    _Story(
        "block mapping",
        "expected key",
        "this does not continue the mapping it stands in",
        "give all keys of one mapping the same indentation, and quote a whole text, not its start",
    ),
    _Story(
        "block collection",
        "'-' indicator",
        "this does not continue the list it stands in",
        "begin every item with `- ` at the same indentation",
    ),
    _Story("", "expected node content", "a value is missing here", "write one, or remove the `,`"),
    _Story(
        "alias", "", "a text cannot begin with `*` here", "quote it: `*` begins a YAML alias", True
    ),
    _Story(
        "anchor",
        "",
        "a text cannot begin with `&` here",
        "quote it: `&` begins a YAML anchor",
        True,
    ),
    _Story("tag", "", "a text cannot begin with `!` here", "quote it: `!` begins a YAML tag", True),
    _Story(
        "block scalar",
        "",
        "this block text is indented in a way YAML does not allow",
        "indent its lines by spaces, deeper than the key, and put nothing after `|` or `>`",
    ),
    _Story("directive", "", "this `%` line is not a directive YAML knows", "quote it", True),
    _Story(
        "",
        "document start",
        "text stands behind the end of the document",
        "check the indentation; a spec is one mapping at column 1",
    ),
)


def syntax_finding(text: Text, error: yaml.YAMLError) -> Diagnostic:
    """The finding (E101, E103 for a depth that it refuses itself) for what PyYAML raised."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Diagnostic(Code.YAML_SYNTAX, "this is not YAML", span=text.span(0))
    context, problem = error.context or "", error.problem or ""
    offset = _offset(text, error.problem_mark or error.context_mark)
    if "nesting depth" in problem:
        message = f"nested deeper than {MAX_DEPTH} levels"
        return Diagnostic(Code.YAML_BOUNDS, message, span=text.span(offset))
    if text.content[offset : offset + 1] == "\t" or _indented_by_tab(text, offset):
        return _tab(text, offset)
    if "cannot start any token" in problem:
        return _reserved(text, offset)
    for story in _STORIES:
        if story.context in context and story.problem in problem:
            break
    else:
        return Diagnostic(Code.YAML_SYNTAX, problem or "not YAML", span=text.span(offset))
    opened = _offset(text, error.context_mark or error.problem_mark)
    if not story.at_context:
        return Diagnostic(
            Code.YAML_SYNTAX, story.message, span=text.span(offset), help=(story.help,)
        )
    label = Label("the reader gave up here", span=text.span(min(offset, _last(text))))
    labels = (label,) if label.span and label.span.line != text.span(opened).line else ()
    return Diagnostic(
        Code.YAML_SYNTAX, story.message, span=text.span(opened), labels=labels, help=(story.help,)
    )


def _offset(text: Text, mark: yaml.Mark | None) -> int:
    return min(mark.index, _last(text)) if mark is not None else 0


def _last(text: Text) -> int:
    """The last character worth pointing at: an error at the end points at text, not past it."""
    return max(len(text.content.rstrip()) - 1, 0)


def _indented_by_tab(text: Text, offset: int) -> bool:
    start = text.content.rfind("\n", 0, offset) + 1
    before = text.content[start : offset + 1]
    return "\t" in before[: len(before) - len(before.lstrip()) or None] and before[:1].isspace()


def _tab(text: Text, offset: int) -> Diagnostic:
    start = text.content.rfind("\n", 0, offset) + 1
    found = text.content.find("\t", start)
    return Diagnostic(
        Code.YAML_SYNTAX,
        "a tab stands where YAML wants spaces",
        span=text.span(found if found >= 0 else offset),
        help=("indent with spaces",),
    )


def _reserved(text: Text, offset: int) -> Diagnostic:
    character = text.content[offset : offset + 1]
    return Diagnostic(
        Code.YAML_SYNTAX,
        f"a text cannot begin with `{character}`",
        span=text.span(offset),
        help=("put the text in quotes",),
    )
