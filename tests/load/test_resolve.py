from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostics import StackcError
from compiler.load import load
from tests.load.helpers import findings_of, write


def config_of(folder: Path, text: str, *overrides: str) -> dict[str, Any]:
    return load(write(folder, {"stack.yaml": text}), overrides).config


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("a: 1\nx: ${a}\n", "x", 1),
        ("a: true\nx: ${ a }\n", "x", True),
        ("a: null\nx: v=${a}\n", "x", "v=null"),
        ("a: false\nx: v=${a}\n", "x", "v=false"),
        ("a: 1.5\nx: ${a}${a}\n", "x", "1.51.5"),
        ("a: {b: [1, {c: z}]}\nx: ${a.b.1.c}\n", "x", "z"),
        ("a: {b: [1, {c: z}]}\nx: ${a.b[1].c}\n", "x", "z"),
        ("a: {b: [1]}\nx: ${a}\n", "x", {"b": [1]}),
        ("a: {b: [1, '${c}']}\nc: 2\nx: ${a.b}\n", "x", [1, 2]),
        ("a: {b: 1}\nc: ${a}\nx: ${c.b}\n", "x", 1),
        ("x: ${y}\ny: ${z}\nz: '${w}!'\nw: 7\n", "x", "7!"),
        ("x: $${a}\n", "x", "${a}"),
        ("x: a$${b}c\ny: ${x}\n", "y", "a${b}c"),
        ("x: 'select $$ from $1 {y}'\n", "x", "select $$ from $1 {y}"),
        ("x: ${env:STACKC_TEST}\n", "x", "from env"),
        ("x: a ${env:STACKC_TEST} b\n", "x", "a from env b"),
        ("x: ${env:STACKC_NONE,fall back}\n", "x", "fall back"),
        ("x: ${env:STACKC_NONE,}\n", "x", ""),
        ("x: ${secret:DSN}\n", "x", "${secret:DSN}"),
        ("x: 'Bearer ${ secret: KEY }'\ny: ${x}\n", "y", "Bearer ${secret:KEY}"),
        ("l: [a, '${l2.0}']\nl2: [b]\nx: ${l}\n", "x", ["a", "b"]),
    ],
)
def test_interpolations_become_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, key: str, value: object
) -> None:
    monkeypatch.setenv("STACKC_TEST", "from env")
    monkeypatch.delenv("STACKC_NONE", raising=False)
    found = config_of(tmp_path, text)[key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "place", "says"),
    [
        ("a: {bcd: 1}\nx: see ${a.bdc}\n", "E106", "2:8", "did you mean `bcd`?"),
        ("a: 1\nx: ${a.b}\n", "E106", "2:4", "has no `b`"),
        ("a: [1]\nx: ${a.1}\n", "E106", "2:4", "has no `1`"),
        ("x: ${sekret:A}\n", "E106", "1:4", "did you mean `secret`?"),
        ("x: ${oc.env:A}\n", "E106", "1:4", "did you mean `env`?"),
        ("x: ${env:STACKC_NONE}\n", "E106", "1:4", "is not set"),
        ("x: ${env:A-B}\n", "E106", "1:4", "name of a variable"),
        ("x: ${secret:a b}\n", "E106", "1:4", "name of a secret"),
        ("x: ${secret:}\n", "E106", "1:4", "name of a secret"),
        ("x: ${}\n", "E106", "1:4", "empty"),
        ("x: a ${b\n", "E106", "1:6", "never closed"),
        ("a: b\nx: ${a.${a}}\n", "E106", "2:8", "cannot hold another"),
        ("x: ${.a}\n", "E106", "1:4", "not a reference"),
        ("a: {b: 1}\nx: v${a}\n", "E106", "2:5", "mapping"),
        ("x: $${secret:A}\n", "E106", "1:4", "reads like a secret"),
        ("x: ${env:STACKC_SECRETIVE}\n", "E106", "1:4", "cannot be used"),
        ("a: secret:X}\nx: $${${a}\n", "E106", "2:4", "reads like a secret"),
        ("x: ${x}\n", "E107", "1:4", "x → x"),
        ("x: ${y}\ny: [1, '${x}']\n", "E107", None, "→"),
        ("a: {b: {c: '${a}'}}\n", "E107", "1:13", "a → a"),
        ("x: {y: '${x.z.q}', z: '${x}'}\n", "E107", None, "→"),
        ("x: |\n  select 1\n  from ${nope} t\n", "E106", "3:8", "has no `nope`"),
        ('x: "tab\\t${nope}"\n', "E106", "1:10", "has no `nope`"),
    ],
)
def test_a_bad_interpolation_is_located(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    code: str,
    place: str | None,
    says: str,
) -> None:
    monkeypatch.delenv("STACKC_NONE", raising=False)
    monkeypatch.setenv("STACKC_SECRETIVE", "${secret:OTHER}")
    spec = write(tmp_path, {"stack.yaml": text})
    finding = findings_of(lambda: load(spec))[0]
    assert finding.code.value == code
    assert finding.span is not None
    if place is not None:
        assert f"{finding.span.line}:{finding.span.column}" == place
    assert says in " ".join((finding.message, *finding.help))


def test_all_bad_interpolations_are_reported_in_order(tmp_path: Path) -> None:
    spec = write(tmp_path, {"stack.yaml": "a: ${x}\nb: {c: '${y}', d: '${z}'}\ne: ${a}\n"})
    places = [str(finding.span).rsplit(":", 2)[1:] for finding in findings_of(lambda: load(spec))]
    assert places == [["1", "4"], ["2", "9"], ["2", "20"]]


def laughs(width: int, height: int) -> str:
    refs = ", ".join(["'${{a{0}}}'"] * width)
    lines = [f"a{i}: [{refs.format(i - 1)}]\n" for i in range(1, height)]
    return "a0: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" + "".join(lines)


BOMBS = {
    "laughs": laughs(10, 12),
    "text doubling": "a0: xxxxxxxxxx\n"
    + "".join(f"a{i}: '${{a{i - 1}}}${{a{i - 1}}}'\n" for i in range(1, 40)),
    "long chain": "a0: 1\n" + "".join(f"a{i}: ${{a{i - 1}}}\n" for i in range(1, 5000)),
    "reversed chain": "".join(f"a{i}: ${{a{i + 1}}}\n" for i in range(5000)) + "a5000: 1\n",
    "deep chain": "".join(f"a{i}: {'[' * 50}'${{a{i + 1}}}'{']' * 50}\n" for i in range(100))
    + "a100: 1\n",
    "growing depth": "a0: [x]\n" + "".join(f"a{i}: [['${{a{i - 1}}}']]\n" for i in range(1, 38)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_reference_bombs_are_refused_within_bounds(tmp_path: Path, name: str) -> None:
    spec = write(tmp_path, {"stack.yaml": BOMBS[name]})
    start = time.process_time()
    codes = {finding.code.value for finding in findings_of(lambda: load(spec))}
    assert codes <= {"E103", "E106"}
    assert time.process_time() - start < 4


@pytest.mark.parametrize("backwards", [False, True])
def test_the_length_of_a_chain_does_not_depend_on_the_order(
    tmp_path: Path, backwards: bool
) -> None:
    for length, fits in ((40, True), (45, False)):
        lines = ["a0: 1\n", *(f"a{i}: ${{a{i - 1}}}\n" for i in range(1, length))]
        spec = write(tmp_path, {"stack.yaml": "".join(lines[:: -1 if backwards else 1])})
        if fits:
            assert load(spec).config[f"a{length - 1}"] == 1
        else:
            assert {f.code.value for f in findings_of(lambda: load(spec))} == {"E103"}  # noqa: B023


def test_what_is_repeated_is_copied(tmp_path: Path) -> None:
    config = config_of(tmp_path, "a: {b: [1]}\nx: ${a}\ny: ${a}\n")
    config["x"]["b"].append(2)
    assert config["a"] == config["y"] == {"b": [1]}


def test_backends_can_refer_to_the_spec_but_not_the_other_way(tmp_path: Path) -> None:
    files = {
        "stack.yaml": "name: shop\nx: 1\n",
        "conf/backends/mine.yaml": "version: {name: local, branch: 'b-${name}'}\n",
    }
    spec = write(tmp_path, files)
    assert load(spec, ["backends=mine"]).backends["version"]["branch"] == "b-shop"
    (finding,) = findings_of(lambda: load(spec, ["backends=mine", "x=${backends.version.name}"]))
    assert finding.code.value == "E106"


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="${}a.:b,envsecret ", max_size=25))
def test_any_text_is_resolved_or_refused_with_a_place(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    spec = tmp_path_factory.mktemp("spec") / "stack.yaml"
    spec.write_text(f"a: {{b: 1}}\nx: '{text}'\n")
    try:
        value = load(spec).config["x"]
        assert "${" in text or value == text
    except StackcError as error:
        assert all(finding.span is not None for finding in error.diagnostics)
