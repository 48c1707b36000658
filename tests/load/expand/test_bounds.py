"""Little text that asks for much: told at once, and nothing fills the memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.load import load
from tests.load.helpers import findings_of, write

HEAD = "stackc: 1\nname: shop\n"


def codes(spec: Path) -> set[str]:
    return {finding.code.value for finding in findings_of(lambda: load(spec))}


def test_more_blocks_than_a_spec_may_make(tmp_path: Path) -> None:
    keys = ", ".join(f"k{at}" for at in range(10_001))
    spec = write(tmp_path, {"stack.yaml": f"{HEAD}datasets: {{a: {{for_each: [{keys}]}}}}\n"})
    (finding,) = findings_of(lambda: load(spec))
    assert finding.code.value == "E142"
    assert "more than 10,000 blocks" in finding.message


def test_ten_thousand_blocks_are_made(tmp_path: Path) -> None:
    keys = ", ".join(f"k{at}" for at in range(10_000))
    spec = write(
        tmp_path, {"stack.yaml": f"{HEAD}datasets: {{a: {{for_each: [{keys}], from: b}}}}\n"}
    )
    assert len(load(spec).config["datasets"]) == 10_000


def test_a_large_text_made_many_times(tmp_path: Path) -> None:
    keys = ", ".join(f"k{at}" for at in range(10_000))
    block = f"a: {{for_each: [{keys}], description: '{'x' * 20_000}'}}"
    spec = write(tmp_path, {"stack.yaml": f"{HEAD}datasets: {{{block}}}\n"})
    assert codes(spec) == {"E103"}


def test_modules_that_double_at_each_level(tmp_path: Path) -> None:
    files = {"stack.yaml": f"{HEAD}modules: {{a: {{use: m0.yaml}}}}\n"}
    for at in range(12):
        uses = f"{{a: {{use: m{at + 1}.yaml}}, b: {{use: m{at + 1}.yaml}}}}"
        files[f"m{at}.yaml"] = f"modules: {uses}\n"
    files["m12.yaml"] = "datasets: {}\n"
    (finding,) = findings_of(lambda: load(write(tmp_path, files)))
    assert "more than 1,000 uses" in finding.message


def test_modules_that_nest_too_deep(tmp_path: Path) -> None:
    files = {"stack.yaml": f"{HEAD}modules: {{a: {{use: m0.yaml}}}}\n"}
    for at in range(20):
        files[f"m{at}.yaml"] = f"modules: {{a: {{use: m{at + 1}.yaml}}}}\n"
    (finding,) = findings_of(lambda: load(write(tmp_path, files)))
    assert "nest deeper than 16" in finding.message
    assert len(finding.labels) == 16


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xfe", "E102"),
        (b"a\xff", "E102"),
        (b"a: [", "E101"),
        (b"", None),
        (b"a: 1\na: 2", "E104"),
    ],
)
def test_included_files_and_modules_of_any_content(
    tmp_path: Path, content: bytes, code: str | None
) -> None:
    for head in ("include: [x.yaml]", "modules: {a: {use: x.yaml}}"):
        spec = write(tmp_path, {"stack.yaml": f"{HEAD}{head}\n"})
        (tmp_path / "x.yaml").write_bytes(content)
        if code is not None:
            assert code in codes(spec)
        elif head.startswith("include"):
            assert load(spec).config == {"stackc": 1, "name": "shop"}
        else:
            assert codes(spec) == {"E110"}


def test_a_link_out_of_the_folder_is_no_file_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("sources: {}\n")
    inside = tmp_path / "spec"
    spec = write(inside, {"stack.yaml": f"{HEAD}include: [a.yaml, '*.yaml', /etc/hosts]\n"})
    (inside / "a.yaml").symlink_to(tmp_path / "secret.yaml")
    assert codes(spec) == {"E113"}


@pytest.mark.parametrize(
    "entry", ["'**x*'", "'a[*'", "'\\0*'", "''", "3", "'${env:HOME}/*.yaml'", "'[!]*'"]
)
def test_patterns_that_are_none(tmp_path: Path, entry: str) -> None:
    spec = write(tmp_path, {"stack.yaml": f"{HEAD}include: [{entry}]\n"})
    assert codes(spec) == {"E140"}


@pytest.mark.parametrize("value", ["null", "3", "[]", "''", "true"])
def test_sections_of_the_wrong_type(tmp_path: Path, value: str) -> None:
    for key, code in (("include", "E140"), ("environments", "E141"), ("modules", "E143")):
        spec = write(tmp_path, {"stack.yaml": f"{HEAD}{key}: {value}\n"})
        if (key, value) in (("include", "[]"), ("environments", "null"), ("modules", "null")):
            assert key not in load(spec).config
        else:
            assert codes(spec) == {code}
