"""Secrets: where they are found, and that their values are written nowhere (law 10)."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostics import StackcError
from compiler.engine.secrets import Secrets, references
from compiler.graph.node import Graph
from tests.engine.support import Told, graph, node, run, write_numbers
from tests.engine.toybackend import Heavy, Numbers

VALUE = 'pass/word "quoted" ünd more'


def stack(mood: str) -> Graph:
    return graph(
        node("sources.n/read", Numbers("numbers.txt")),
        node("models.m/train", Heavy(mood, "${secret:TOY_TOKEN}"), table="sources.n/read"),
    )


@pytest.mark.parametrize("mood", ["well", "bug", "killed"])
def test_law_10_no_secret_in_any_file_or_stream(
    tmp_path: Path,
    mood: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TOY_TOKEN", VALUE)
    root, told = write_numbers(tmp_path), Told()
    result = run(root, stack(mood), listener=told)
    assert result.ok == (mood == "well")
    seen = [str(told.lines), str(result), *capfd.readouterr()]
    seen += [p.read_bytes().decode("utf-8", "replace") for p in root.rglob("*") if p.is_file()]
    for form in (VALUE, quote(VALUE), json.dumps(VALUE)[1:-1]):
        assert not any(form in text for text in seen)
    assert any("${secret:TOY_TOKEN}" in text for text in seen)
    if mood == "well":
        assert ("progress", "models.m/train", "using ${secret:TOY_TOKEN}") in told.lines
        log = (root / ".stackc" / "logs" / "worker-1.log").read_text()
        assert "connecting with ${secret:TOY_TOKEN}" in log


def test_a_missing_secret_fails_the_task_that_needs_it(tmp_path: Path) -> None:
    result = run(write_numbers(tmp_path), stack("well"))
    assert [found.code.value for found in result.diagnostics] == ["E708"]
    assert "TOY_TOKEN" in result.diagnostics[0].help[0]


def test_secrets_are_looked_up_in_order(tmp_path: Path) -> None:
    folder = tmp_path / ".stackc-secrets"
    folder.mkdir()
    (folder / "A").write_text("from a file\n")
    assert Secrets(tmp_path, {}).resolve("<${secret:A}>") == "<from a file>"
    assert Secrets(tmp_path, {"STACKC_SECRET_A": "prefixed"}).resolve("${secret:A}") == "prefixed"
    named = {"A": "plain", "STACKC_SECRET_A": "prefixed"}
    assert Secrets(tmp_path, named).resolve("${secret:A}${secret:A}") == "plainplain"
    other = tmp_path / "other"
    other.mkdir()
    (other / "A").write_text("elsewhere")
    assert (
        Secrets(tmp_path, {"STACKC_SECRETS_DIR": str(other)}).resolve("${secret:A}") == "elsewhere"
    )


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_broken_secret_file_is_an_error_that_names_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / ".stackc-secrets").mkdir()
    (tmp_path / ".stackc-secrets" / "A").write_bytes(data)
    with pytest.raises(StackcError, match="`A`") as error:
        Secrets(tmp_path, {}).resolve("${secret:A}")
    assert error.value.diagnostics[0].code.value == "E708"


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("elsewhere")
    text = "${secret:../other} ${secret:} ${secret:A.B}"
    assert references(text) == ()
    assert Secrets(tmp_path, {}).resolve(text) == text


def test_the_password_of_a_connection_is_scrubbed_by_itself(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path, {"DSN": "postgresql://me:p%40ssword@host/db"})
    secrets.resolve("${secret:DSN}")
    assert secrets.scrub('auth failed for "p@ssword"') == 'auth failed for "${secret:DSN}"'


@settings(max_examples=60, deadline=None)
@given(
    st.text(min_size=4, max_size=30).filter(lambda text: text.strip() == text and "\0" not in text)
)
def test_whatever_the_value_it_is_scrubbed(value: str) -> None:
    secrets = Secrets(Path("nowhere"), {"A": value})
    secrets.resolve("${secret:A}")
    for form in (value, repr(value), json.dumps(value), quote(value, errors="replace")):
        assert value not in secrets.scrub(f"x {form} y").replace("${secret:A}", "")
    assert secrets.scrub_data({value: [value, 1]}) == {"${secret:A}": ["${secret:A}", 1]}
