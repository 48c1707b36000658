"""Findings as SARIF 2.1.0, for code hosts and editors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Fix, Severity
from compiler.source import COMMAND_LINE, Span

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(diagnostics: Iterable[Diagnostic], version: str) -> dict[str, Any]:
    """One SARIF log with one run.

    Args:
        diagnostics: The findings, located where they can be.
        version: The program's version.
    """
    found = sorted(diagnostics, key=lambda d: d.sort_key)
    codes = sorted({d.code for d in found}, key=lambda code: code.value)
    driver = {"name": "stackc", "version": version, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, codes.index(d.code)) for d in found],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": code.value,
        "name": "".join(word.capitalize() for word in code.name.split("_")),
        "shortDescription": {"text": code.name.replace("_", " ").capitalize()},
        "defaultConfiguration": {"level": "warning" if code.value[0] == "W" else "error"},
    }
    try:
        rule["help"] = {"text": code.page, "markdown": code.page}
    except OSError:
        return rule
    return rule


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    remarks = [*diagnostic.help, *diagnostic.notes]
    result: dict[str, Any] = {
        "ruleId": diagnostic.code.value,
        "ruleIndex": rule,
        "level": "error" if diagnostic.severity is Severity.ERROR else "warning",
        "message": {"text": "\n".join([diagnostic.message, *remarks])},
    }
    if diagnostic.span is not None:
        result["locations"] = [_location(diagnostic.span)]
    related = [
        _location(label.span) | {"id": at, "message": {"text": label.text}}
        for at, label in enumerate(diagnostic.labels)
        if label.span is not None
    ]
    if related:
        result["relatedLocations"] = related
    if diagnostic.fixes:
        result["fixes"] = [_fix(fix) for fix in diagnostic.fixes]
    return result


def _location(span: Span) -> dict[str, Any]:
    if span.source == COMMAND_LINE:
        return {"logicalLocations": [{"name": COMMAND_LINE, "kind": "argument"}]}
    place = {"artifactLocation": {"uri": _uri(span.source)}, "region": _region(span)}
    return {"physicalLocation": place}


def _fix(fix: Fix) -> dict[str, Any]:
    replaced = {"deletedRegion": _region(fix.span), "insertedContent": {"text": fix.text}}
    change = {
        "artifactLocation": {"uri": _uri(fix.span.source)},
        "replacements": [replaced],
    }
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _uri(source: str) -> str:
    path = PurePath(source)
    if path.is_absolute():
        return Path(source).as_uri()
    return quote(path.as_posix())
