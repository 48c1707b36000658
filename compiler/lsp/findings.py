"""Findings as editors show them, and their fixes as actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from lsprotocol import types
from msgspec import Struct

from compiler.diagnostics import Diagnostic, Fix, Severity
from compiler.lsp.positions import Ruler
from compiler.source import Span


class Files(Struct, frozen=True):
    """How an editor calls a file, and how it measures it."""

    uri: Callable[[Path], str]
    ruler: Callable[[Path], Ruler]


_FIRST = types.Range(types.Position(0, 0), types.Position(0, 1))


def by_file(spec: Path, found: Iterable[Diagnostic]) -> dict[Path, list[Diagnostic]]:
    """The findings of each file; what the command line or nothing caused stands at the spec."""
    files: dict[Path, list[Diagnostic]] = {spec: []}
    for finding in found:
        files.setdefault(file_of(finding.span) or spec, []).append(finding)
    return files


def file_of(span: Span | None) -> Path | None:
    """The file that a span lies in; None where it is no file."""
    if span is None or span.source.startswith("<"):
        return None
    return Path(span.source).resolve()


def shown(finding: Diagnostic, files: Files) -> types.Diagnostic:
    """A finding with its place, its labels, and its ways out in words."""
    error = finding.severity is Severity.ERROR
    helps = [f"help: {line}" for line in finding.help]
    return types.Diagnostic(
        range=_range(finding.span, files),
        message="\n".join([finding.message, *helps, *(f"note: {n}" for n in finding.notes)]),
        severity=types.DiagnosticSeverity.Error if error else types.DiagnosticSeverity.Warning,
        code=finding.code.value,
        source="stackc",
        related_information=_related(finding, files) or None,
    )


def actions(uri: str, found: Iterable[Diagnostic], files: Files) -> list[types.CodeAction]:
    """What can be done about some findings by itself; all of it at once, where it is more."""
    made = [
        _action(fix, shown(finding, files), files) for finding in found for fix in finding.fixes
    ]
    edits = [edit for action in made for edit in _edits(action, uri)]
    if len(edits) > 1:
        whole = types.WorkspaceEdit(changes={uri: edits})
        kind = types.CodeActionKind.SourceFixAll
        made.append(types.CodeAction(title="make all of stackc's fixes", kind=kind, edit=whole))
    return made


def _edits(action: types.CodeAction, uri: str) -> list[types.TextEdit]:
    changes = (action.edit.changes if action.edit else None) or {}
    return list(changes.get(uri, ()))


def _action(fix: Fix, finding: types.Diagnostic, files: Files) -> types.CodeAction:
    path = Path(fix.span.source).resolve()
    edit = types.TextEdit(files.ruler(path).of_span(fix.span), fix.text)
    return types.CodeAction(
        title=fix.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[finding],
        is_preferred=True,
        edit=types.WorkspaceEdit(changes={files.uri(path): [edit]}),
    )


def _range(span: Span | None, files: Files) -> types.Range:
    path = file_of(span)
    return _FIRST if path is None or span is None else files.ruler(path).of_span(span)


def _related(finding: Diagnostic, files: Files) -> list[types.DiagnosticRelatedInformation]:
    found = []
    for label in finding.labels:
        path = file_of(label.span)
        if path is not None:
            place = types.Location(files.uri(path), _range(label.span, files))
            found.append(types.DiagnosticRelatedInformation(place, label.text))
    return found
