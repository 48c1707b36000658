"""Diagnostics as people and programs see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, Fix, Label
from compiler.report.diagnostics import all_to_json, render, summary
from compiler.report.sarif import to_sarif
from compiler.report.text_style import Style, cells, cut, visible
from compiler.source import COMMAND_LINE, Sources, Span


def quoting(**texts: str) -> Sources:
    sources = Sources()
    for name, text in texts.items():
        sources.add(f"{name}.yaml", text)
    return sources


def error(span: Span | None, *labels: Label, help: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic(Code.UNKNOWN_COLUMN, "no column `x`", None, span, labels, help)


def drawn(text: str, span: Span, width: int = 100) -> list[str]:
    """The quoted line and its carets, without the gutter."""
    lines = render([error(span)], quoting(a=text), width=width).split("\n")
    return [line.split("| ", 1)[1] for line in lines if "| " in line]


def test_a_finding_shows_its_line_its_caret_and_the_way_out() -> None:
    sources = quoting(a="models:\n  late: {dataset: clicks}\n")
    finding = error(Span("a.yaml", 2, 9, 2, 16), help=("did you mean `y`?",))
    assert render([finding], sources) == (
        "error[E203]: no column `x`\n"
        " --> a.yaml:2:9\n"
        "  |\n"
        "2 |   late: {dataset: clicks}\n"
        "  |         ^^^^^^^\n"
        "  = help: did you mean `y`?\n"
        "\n"
        "1 error"
    )


def test_labels_stand_in_line_order_and_other_files_follow() -> None:
    sources = quoting(a="models:\n  late: 1\n" + "\n" * 8 + "  more: 2", b="foo: bar")
    finding = error(
        Span("a.yaml", 11, 3, 11, 7),
        Label("first here", span=Span("a.yaml", 2, 3, 2, 7)),
        Label("and there", span=Span("b.yaml", 1, 6, 1, 9)),
        Label("without a place"),
    )
    assert render([finding], sources) == (
        "error[E203]: no column `x`\n"
        "  --> a.yaml:11:3\n"
        "   |\n"
        " 2 |   late: 1\n"
        "   |   ---- first here\n"
        "...\n"
        "11 |   more: 2\n"
        "   |   ^^^^\n"
        "  ::: b.yaml:1:6\n"
        "   |\n"
        " 1 | foo: bar\n"
        "   |      --- and there\n"
        "   = note: without a place\n"
        "\n"
        "1 error"
    )


def test_carets_stand_under_tabbed_text() -> None:
    line, carets = drawn("\tlate:\tclicks", Span("a.yaml", 1, 8, 1, 14))
    assert line == "    late:   clicks"
    assert carets == "            ^^^^^^"


def test_carets_are_as_wide_as_wide_characters() -> None:
    line, carets = drawn("名前: 'データ' é", Span("a.yaml", 1, 5, 1, 10))
    assert cells(line[: line.index("'")]) == carets.index("^")
    assert carets.count("^") == cells("'データ'")


def test_combining_marks_take_no_room() -> None:
    assert drawn("e\u0301x: y", Span("a.yaml", 1, 5, 1, 6))[1] == "   ^"


def test_a_span_over_lines_underlines_their_text() -> None:
    text = "a: |\n  select *\n  from x\n"
    assert drawn(text, Span("a.yaml", 1, 4, 3, 7)) == [
        "a: |",
        "   ^",
        "  select *",
        "  ^^^^^^^^",
        "  from x",
        "  ^^^^",
    ]


def test_a_long_span_shows_its_start_and_its_end() -> None:
    text = "\n".join(f"line {n}" for n in range(1, 41))
    shown = render([error(Span("a.yaml", 1, 1, 40, 5))], quoting(a=text))
    assert "line 3" in shown
    assert "line 40" in shown
    assert "line 20" not in shown
    assert "..." in shown.split("\n")


def test_a_long_line_is_cut_around_its_caret() -> None:
    text = "b: " + "x, " * 100_000 + "wrong" + ", y" * 100_000
    column = text.index("wrong") + 1
    line, carets = drawn(text, Span("a.yaml", 1, column, 1, column + 5), width=80)
    assert len(line) <= 80
    assert line.startswith("…")
    assert line.endswith("…")
    start = carets.index("^")
    assert line[start : start + carets.count("^")] == "wrong"


@pytest.mark.parametrize("column", [1, 3, 150, 299, 301, 500])
def test_carets_stay_inside_a_narrow_terminal(column: int) -> None:
    for line in drawn("z" * 300, Span("a.yaml", 1, column, 1, column + 400), width=60):
        assert cells(line) <= 62
        assert line.strip()


def test_a_caret_may_stand_behind_the_end_of_the_line() -> None:
    assert drawn("ab", Span("a.yaml", 1, 3, 1, 4))[1] == "  ^"


def test_control_characters_are_made_visible() -> None:
    line, carets = drawn("a: \x1b[31mred\u202e\x00", Span("a.yaml", 1, 4, 1, 5))
    assert line == "a: ␛[31mred<U+202E>␀"
    assert carets == "   ^"
    shown = render([Diagnostic(Code.BAD_VALUE, "x\x1b]0;owned\x07\nerror: no")], Sources())
    assert "\x1b" not in shown
    assert shown.split("\n")[0] == "error[E123]: x␛]0;owned␇␊error: no"


def test_a_line_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("bad.yaml", "gone.yaml"):
        shown = render([error(Span(name, 3, 1, 3, 2))], Sources(tmp_path))
        assert shown == f"error[E203]: no column `x`\n --> {name}:3:1\n\n1 error"


def test_findings_are_sorted_by_place_and_counted() -> None:
    found = [
        Diagnostic(Code.LOCK_WRITTEN, "unused"),
        error(Span("a.yaml", 9, 1, 9, 2)),
        error(Span("a.yaml", 2, 1, 2, 2)),
    ]
    shown = render(found, quoting(a="\n" * 10))
    assert shown.index("a.yaml:2:1") < shown.index("a.yaml:9:1") < shown.index("W301")
    assert summary(found) == "2 errors, 1 warning"
    assert render([]) == ""


def test_colour_paints_and_changes_no_letter() -> None:
    sources, found = quoting(a="abc"), [error(Span("a.yaml", 1, 1, 1, 3))]
    painted = render(found, sources, Style(True))
    plain = render(found, sources)
    assert "\x1b[1;31merror[E203]\x1b[0m" in painted
    stripped = painted
    for code in ("1;31", "1;34", "1", "0"):
        stripped = stripped.replace(f"\x1b[{code}m", "")
    assert stripped == plain


def test_help_of_several_lines_is_aligned() -> None:
    shown = render([Diagnostic(Code.INTERNAL, "m", help=("one\ntwo",))])
    assert shown.startswith("error[E799]: m\n  = help: one\n          two\n")


def test_json_is_stable() -> None:
    finding = error(
        Span("a.yaml", 1, 2, 3, 4), Label("l", span=Span.point("b.yaml")), Label("n"), help=("h",)
    )
    assert all_to_json([finding]) == [
        {
            "code": "E203",
            "severity": "error",
            "message": "no column `x`",
            "span": {"file": "a.yaml", "line": 1, "column": 2, "end_line": 3, "end_column": 4},
            "labels": [
                {
                    "text": "l",
                    "span": {
                        "file": "b.yaml", "line": 1, "column": 1, "end_line": 1, "end_column": 2,
                    },
                },
                {"text": "n", "span": None},
            ],
            "help": ["h"],
            "notes": [],
            "fixes": [],
        }
    ]  # fmt: skip


def mendable() -> Diagnostic:
    span = Span("my spec/a.yaml", 2, 3, 2, 7)
    return replace(error(span), fixes=(Fix("write `x` instead of `y`", span, "x"),))


def test_a_fix_is_part_of_json() -> None:
    (found,) = all_to_json([mendable()])
    span = {"file": "my spec/a.yaml", "line": 2, "column": 3, "end_line": 2, "end_column": 7}
    assert found["fixes"] == [{"title": "write `x` instead of `y`", "span": span, "text": "x"}]


def test_a_fix_is_part_of_sarif_as_its_standard_has_it() -> None:
    log = json.loads(json.dumps(to_sarif([mendable()], "1.0")))
    jsonschema.validate(log, SARIF_SHAPE)
    (fix,) = log["runs"][0]["results"][0]["fixes"]
    assert fix["description"] == {"text": "write `x` instead of `y`"}
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "my%20spec/a.yaml"}
    region = {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 7}
    assert change["replacements"] == [{"deletedRegion": region, "insertedContent": {"text": "x"}}]


def test_sarif_has_the_shape_that_code_hosts_read() -> None:
    found = [
        error(Span("my spec/a.yaml", 2, 3, 2, 7), Label("l", span=Span.point("/abs/b.yaml"))),
        error(Span(COMMAND_LINE, 1, 1, 1, 5)),
        Diagnostic(Code.LOCK_WRITTEN, "unused"),
    ]
    log = json.loads(json.dumps(to_sarif(found, "1.0")))
    jsonschema.validate(log, SARIF_SHAPE)
    run = log["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["E203", "W301"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    first = run["results"][1]["locations"][0]["physicalLocation"]
    assert first["artifactLocation"]["uri"] == "my%20spec/a.yaml"
    assert run["results"][2]["level"] == "warning"
    assert to_sarif([], "1.0")["runs"][0]["results"] == []


def test_text_is_cut_by_cells_and_made_visible() -> None:
    assert cut("データベース", 5) == "デー…"
    assert visible("\ud800\u200b") == "<U+D800><U+200B>"


_REGION = {
    "type": "object",
    "required": ["startLine", "startColumn", "endLine", "endColumn"],
    "additionalProperties": {"type": "integer", "minimum": 1},
}
_LOCATION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "message": {"type": "object", "required": ["text"]},
        "logicalLocations": {"type": "array"},
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {"uri": {"type": "string", "pattern": r"^[^\s<>]+$"}},
                },
                "region": _REGION,
            },
        },
    },
}
SARIF_SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs", "$schema"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "properties": {
                            "driver": {"required": ["name", "version", "rules"]},
                        }
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "required": ["ruleId", "ruleIndex", "level", "message"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "locations": {"type": "array", "items": _LOCATION},
                                "relatedLocations": {"type": "array", "items": _LOCATION},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The part of SARIF 2.1.0 that is written here."""
