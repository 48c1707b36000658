"""Makes the fixes that findings carry, again and again, until none is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct, field

from compiler.diagnostics import Diagnostic, Fix, StackcError
from compiler.load.mend import edit_at, edited
from compiler.load.parse import parse
from compiler.load.text import Text, read_text
from compiler.pipeline import compile_spec
from compiler.source import Sources, drafted

MAX_ROUNDS = 20
"""Compiles before what is still to fix is left to the next command."""


class Mending(Struct):
    """What fixing came to; nothing is written to the disk.

    Attributes:
        before: The text of each file that changes, by its name.
        after: The text that each becomes.
        made: The fixes that were made, in order.
        left: What is found in the texts as they become.
        sources: The texts to quote of what is left.
    """

    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    made: list[Fix] = field(default_factory=list)
    left: tuple[Diagnostic, ...] = ()
    sources: Sources | None = None


def mend(spec: Path, overrides: Sequence[str] = (), config_dirs: Sequence[Path] = ()) -> Mending:
    """Compile a spec, make what fixes its findings have, and compile what comes of it.

    Raises:
        StackcError: A file to be changed cannot be read.
    """
    mending = Mending()
    for _ in range(MAX_ROUNDS):
        with drafted({Path(name): text for name, text in mending.after.items()}):
            mending.left, mending.sources = _findings(spec, overrides, config_dirs)
            if not _round(mending):
                break
    return mending


def _findings(
    spec: Path, overrides: Sequence[str], config_dirs: Sequence[Path]
) -> tuple[tuple[Diagnostic, ...], Sources | None]:
    try:
        compiled = compile_spec(spec, overrides, config_dirs, keep=False)
    except StackcError as error:
        return error.diagnostics, error.sources
    return compiled.warnings, compiled.sources


def _round(mending: Mending) -> bool:
    """Make the fixes of the findings at hand; whether any text changed."""
    fixes: dict[str, list[Fix]] = {}
    for fix in _first(finding.fixes for finding in mending.left):
        fixes.setdefault(fix.span.source, []).append(fix)
    changed = [_mend_file(mending, name, chosen) for name, chosen in fixes.items()]
    return any(changed)


def _first(offers: Iterable[tuple[Fix, ...]]) -> Iterable[Fix]:
    """One fix a finding, and each once: two findings may ask for the same."""
    return dict.fromkeys(offer[0] for offer in offers if offer)


def _mend_file(mending: Mending, name: str, fixes: Sequence[Fix]) -> bool:
    text = read_text(Path(name), name)
    after = edited(text.content, [edit_at(text, fix) for fix in fixes])
    if after == text.content or (_parses(text) and not _parses(Text(name, after))):
        return False
    mending.before.setdefault(name, text.content)
    mending.after[name] = after
    mending.made += fixes
    return True


def _parses(text: Text) -> bool:
    try:
        parse(text)
    except StackcError:
        return False
    return True
