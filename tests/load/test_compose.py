from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from compiler.backend import DEFAULTS
from compiler.diagnostics import StackcError
from compiler.load import load
from compiler.load.groups import PACKAGED
from tests.load.helpers import finding_of, findings_of, write

SPEC = """\
stackc: 1
name: shop
sources:
  people: {path: people.csv}
models:
  late:
    target: late
    features: [a, b]
    algorithm: {kind: xgboost, max_depth: 6, note: null}
"""
GROUPS = {
    "conf/size/small.yaml": "rows: 10\nname: small\n",
    "conf/size/big.yaml": "defaults: [small]\nrows: 1000\ndeep: {x: 1}\n",
    "conf/experiment/deep.yaml": (
        "# @package _global_\n"
        "defaults:\n  - override /size: big\n"
        "models: {late: {algorithm: {max_depth: 12}}}\n"
    ),
    "conf/experiment/nested/wide.yaml": "# @package models.late\nfeatures: [c]\n",
    "conf/plain.yaml": "description: plain\n",
}
LISTS = [
    "defaults: [{size: small}]\n",
    "defaults: [_self_, {size: small}]\n",
    "defaults: [{size: big}, _self_]\nsize: {rows: 7}\n",
    "defaults: [_self_, {size: big}]\nsize: {rows: 7}\n",
    "defaults: [{size: small}, {experiment: deep}]\n",
    "defaults: [{size: small}, _self_, {experiment: deep}]\n",
    "defaults: [{size@models.late.size: small}]\n",
    "defaults: [{optional size: huge}]\n",
    "defaults: [plain, {size: [small, big]}]\n",
    "defaults: [{experiment/nested: wide}, _self_]\n",
    "defaults: [_self_, {experiment/nested: wide}]\n",
    "defaults: [{size: null}]\n",
    "defaults: [{size: '???'}]\n",
    "defaults: [{size: small}, {size: big}]\n",
    "defaults: [{override size: big}]\n",
    "defaults: [{size: small}, {override size: big}]\n",
    "defaults: [{siz: small}]\n",
    "defaults: [nothing]\n",
    "defaults: []\n",
]
OVERRIDES = [
    ["name=other"],
    ["nam=other"],
    ["+nam=other"],
    ["+name=other"],
    ["++name=other", "++q=1"],
    ["~name"],
    ["~name=shop"],
    ["~name=other"],
    ["~nam"],
    ["models.late.algorithm.max_depth=8", "models.late.algorithm.max_depth=9"],
    ["models.late.algorithm={max_depth: 1}"],
    ["models.late.algorithm={depth: 1}"],
    ["+models.late.algorithm={depth: 1}"],
    ["models.late.algorithm=5"],
    ["models.late.features=[x,'y z',1,true,null,1.5,{a: 1}]"],
    ["+models.late.features=[x]"],
    ["models.late.features.1=z"],
    ["models.late.features.2=z"],
    ["models.late.target.x=1"],
    ["+models.early.algorithm.kind=x"],
    ["+models.late.algorithm.note=x"],
    ["models.late.algorithm.note=x"],
    ['name="a=b,c"', "models.late.target='it''s'"],
    ["name="],
    ["name=null", "models.late.target=1e3"],
    ["name=int(3)", "models.late.target=str(4)"],
    ["+size=small"],
    ["size=small"],
    ["+size=small", "size.rows=5"],
    ["+size=big", "+experiment=deep"],
    ["+experiment=deep"],
    ["+experiment/nested=wide"],
    ["+size@x.y=small"],
    ["+size=[small,big]"],
    ["++size=small"],
    ["+size={a: 1}"],
    ["+sizes=small"],
]


def by_hydra(folder: Path, overrides: list[str]) -> Any:
    """What Hydra itself composes from the same files, or None where it refuses."""
    primary = (folder / "stack.yaml").read_text()
    (folder / "conf" / "primary.yaml").write_text(primary)
    try:
        with initialize_config_dir(str(folder / "conf"), version_base="1.3"):
            return OmegaConf.to_container(compose("primary", overrides))
    except (HydraException, OSError, ValueError):
        return None


def by_stackc(folder: Path, overrides: list[str]) -> Any:
    try:
        return load(folder / "stack.yaml", overrides).config
    except StackcError as error:
        assert all(finding.span is not None for finding in error.diagnostics)
        return None


def test_most_of_the_comparisons_with_hydra_compose_something(tmp_path: Path) -> None:
    write(tmp_path, {"stack.yaml": SPEC, **GROUPS})
    composed = [by_stackc(tmp_path, overrides) for overrides in OVERRIDES]
    assert sum(config is not None for config in composed) >= 24
    for defaults in LISTS[:12]:
        write(tmp_path, {"stack.yaml": defaults + SPEC})
        assert by_stackc(tmp_path, []) is not None


@pytest.mark.parametrize("defaults", LISTS)
@pytest.mark.filterwarnings("ignore:In 'primary'")
def test_defaults_lists_compose_as_in_hydra(tmp_path: Path, defaults: str) -> None:
    write(tmp_path, {"stack.yaml": defaults + SPEC, **GROUPS})
    assert by_stackc(tmp_path, []) == by_hydra(tmp_path, [])


@pytest.mark.parametrize("overrides", OVERRIDES, ids=" ".join)
@pytest.mark.filterwarnings("ignore:In 'primary'")
def test_overrides_mean_what_they_mean_in_hydra(tmp_path: Path, overrides: list[str]) -> None:
    write(tmp_path, {"stack.yaml": SPEC, **GROUPS})
    assert by_stackc(tmp_path, overrides) == by_hydra(tmp_path, overrides)


@pytest.mark.filterwarnings("ignore:In 'primary'")
def test_overrides_and_defaults_together_mean_the_same(tmp_path: Path) -> None:
    write(tmp_path, {"stack.yaml": "defaults: [{size: small}]\n" + SPEC, **GROUPS})
    for overrides in (["size=big"], ["~size"], ["size=null"], ["size=big", "+experiment=deep"]):
        assert by_stackc(tmp_path, overrides) == by_hydra(tmp_path, overrides)


def test_composing_nothing_is_the_identity_and_imports_no_hydra(tmp_path: Path) -> None:
    spec = write(tmp_path, {"stack.yaml": SPEC})
    program = (
        "import sys; from pathlib import Path; from compiler.load import load; "
        "print(load(Path(sys.argv[1])).config); "
        "bad = [m for m in sys.modules if m.split('.')[0] in ('hydra', 'omegaconf', 'antlr4')]; "
        "assert not bad, bad"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(spec)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    composed = load(spec, ["backends=local"])
    assert done.stdout.strip() == str(load(spec).config) == str(composed.config)


def test_the_packaged_group_says_the_embedded_defaults(tmp_path: Path) -> None:
    spec = write(tmp_path, {"stack.yaml": SPEC})
    assert load(spec).backends == {}
    backends = load(spec, ["backends=local"]).backends
    assert {name: found["name"] for name, found in backends.items()} == dict(DEFAULTS)
    assert backends["version"] == {"name": "local"}
    assert load(spec, ["backends/version=local", "+backends.version.path=x"]).backends == {
        **backends,
        "version": {"name": "local", "path": "x"},
    }
    assert (PACKAGED / "backends" / "local.yaml").is_file()


def test_backends_beside_the_spec_are_found_without_an_override(tmp_path: Path) -> None:
    files = {"conf/backends/local.yaml": "version: {name: mine}\n"}
    spec = write(tmp_path, {"stack.yaml": SPEC, **files})
    assert load(spec).backends == {"version": {"name": "mine"}}


def test_config_dirs_are_searched_after_the_folder_beside_the_spec(tmp_path: Path) -> None:
    spec = write(tmp_path / "a", {"stack.yaml": SPEC, "conf/size/small.yaml": "rows: 1\n"})
    write(tmp_path / "b", {"size/small.yaml": "rows: 2\n", "size/big.yaml": "rows: 3\n"})
    assert load(spec, ["+size=small"], [tmp_path / "b"]).config["size"] == {"rows": 1}
    assert load(spec, ["+size=big"], [tmp_path / "b"]).config["size"] == {"rows": 3}
    assert finding_of(lambda: load(spec, [], [tmp_path / "none"]))[0] == "E109"


REFUSED: list[tuple[list[str], str, str, str]] = [
    (["models.late.algoritm.max_depth=8"], "E108", "algoritm", "did you mean `algorithm`?"),
    (["backends=lcal"], "E109", "lcal", "did you mean `local`?"),
    (["backend=local"], "E108", "backend", "did you mean `backends`?"),
    (["backends/vers=local"], "E109", "backends/vers", "did you mean `backends/version`?"),
    (["backends/version=x"], "E109", "x", "`local`"),
    (["+experiment=dep"], "E109", "dep", "did you mean `deep`?"),
    (["name"], "E108", "name", "write `key=value`"),
    (["=1"], "E108", "=1", ""),
    (["name=[[1"], "E108", "1", ""),
    (["name=1,2"], "E108", "name=1,2", "quote a text"),
    (["name=glob(*)"], "E108", "name=glob(*)", "quote a text"),
    (["+x=" + "(" * 9000], "E108", "(", ""),
    (["+x=" + "x" * 20_000], "E108", "+x=" + "x" * 20_000, ""),
    (["hydra.run.dir=/tmp"], "E108", "hydra.run.dir=/tmp", ""),
    (["+models.late._target_=os.system"], "E111", "+models.late._target_=os.system", ""),
    (["+models.late={_target_: os.system}"], "E111", "+models.late={_target_: os.system}", ""),
    (["+models.late={1: 2}"], "E108", "+models.late={1: 2}", ""),
    (["name=99999999999999999999"], "E108", "name=99999999999999999999", ""),
    (["backends=5"], "E108", "backends=5", ""),
    (["++backends=local"], "E108", "++backends=local", ""),
    (["+a/b@c=1"], "E109", "a/b", ""),
    (["name=\n\n'"], "E108", "", ""),
    (["naïve=1"], "E108", "ï", ""),
    (["name='a\x07b'"], "E108", "\x07", ""),
    (["name=a\udcffb"], "E108", "\udcff", ""),
    (["x" * 3000 + "=1"], "E108", "x" * 3000, ""),
    (["+" + "x" * 3000 + "/y=1"], "E109", "x" * 3000 + "/y", ""),
]


@pytest.mark.parametrize(("overrides", "code", "pointed_at", "way_out"), REFUSED)
def test_a_bad_override_points_at_its_argument(
    tmp_path: Path, overrides: list[str], code: str, pointed_at: str, way_out: str
) -> None:
    spec = write(tmp_path, {"stack.yaml": SPEC, **GROUPS})
    (finding,) = findings_of(lambda: load(spec, overrides))
    span = finding.span
    assert span is not None
    assert (finding.code.value, span.source) == (code, "<command line>")
    command = " ".join(["stackc …", str(spec), *overrides]).split("\n")
    if span.line == span.end_line:
        shown = command[span.line - 1][span.column - 1 : span.end_column - 1]
        assert shown.startswith(pointed_at)
    assert way_out in " ".join(finding.help)


def test_all_bad_overrides_are_reported_together(tmp_path: Path) -> None:
    spec = write(tmp_path, {"stack.yaml": SPEC})
    assert len(findings_of(lambda: load(spec, ["a=1", "b=2", "name=x"]))) == 2
    assert len(findings_of(lambda: load(spec, ["=1", "b=2,3", "name=x"]))) == 2


HOSTILE = {
    "conf/size/cycle.yaml": "defaults: [cycle]\n",
    "conf/size/a.yaml": "defaults: [b]\n",
    "conf/size/b.yaml": "defaults: [a]\n",
    "conf/size/deep.yaml": "[" * 100_000,
    "conf/size/bytes.yaml": "a: \x07\n",
    "conf/size/target.yaml": "x: {_target_: os.system}\n",
    "conf/size/list.yaml": "[1, 2]\n",
    "conf/size/shape.yaml": "defaults: {size: small}\n",
    "conf/size/entry.yaml": "defaults: [small, {a: 1, b: 2}]\n",
    "conf/size/missing.yaml": "defaults: [smal]\n",
    "conf/size/small.yaml": "rows: 1\n",
    "conf/size/outside.yaml": "defaults: [../../../secret]\n",
    "conf/size/header.yaml": "# @package a b c\nrows: 1\n",
    **{f"conf/fan/f{i}.yaml": f"defaults: [f{i + 1}, f{i + 1}@x]\n" for i in range(30)},
    "conf/fan/f30.yaml": "x: 1\n",
}


@pytest.mark.parametrize(
    ("override", "code", "source", "line"),
    [
        ("+size=cycle", "E109", None, 1),
        ("+size=a", "E109", None, 1),
        ("+size=deep", "E103", "deep.yaml", 1),
        ("+size=bytes", "E102", "bytes.yaml", 1),
        ("+size=target", "E111", "target.yaml", 1),
        ("+size=list", "E110", "list.yaml", 1),
        ("+size=shape", "E109", "shape.yaml", 1),
        ("+size=entry", "E109", "entry.yaml", 1),
        ("+size=missing", "E109", "missing.yaml", 1),
        ("+size=outside", "E109", "outside.yaml", 1),
        ("+size=header", "E109", None, 1),
        ("+size=../../secret", "E109", None, 1),
        ("+fan=f0", "E109", None, 1),
    ],
)
def test_hostile_group_files_are_located_findings(
    tmp_path: Path, override: str, code: str, source: str | None, line: int
) -> None:
    spec = write(tmp_path, {"stack.yaml": SPEC, **HOSTILE})
    (finding,) = findings_of(lambda: load(spec, [override]))
    assert finding.span is not None
    assert (finding.code.value, finding.span.line) == (code, line)
    if source is not None:
        assert finding.span.source.endswith(source)


def test_links_out_of_a_group_folder_are_not_followed(tmp_path: Path) -> None:
    spec = write(tmp_path, {"stack.yaml": SPEC, "secret.yaml": "rows: 1\n", **GROUPS})
    (tmp_path / "conf" / "size" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "conf" / "loop").symlink_to(tmp_path / "conf")
    assert finding_of(lambda: load(spec, ["+size=link"]))[0] == "E109"
    assert finding_of(lambda: load(spec, ["siz=small"]))[0] == "E108"


def test_a_bad_entry_of_the_specs_defaults_is_pointed_at(tmp_path: Path) -> None:
    spec = write(
        tmp_path, {"stack.yaml": "defaults:\n  - _self_\n  - size: smal\n" + SPEC, **GROUPS}
    )
    (finding,) = findings_of(lambda: load(spec))
    assert finding.span is not None
    assert (finding.span.line, finding.span.column) == (3, 11)
    assert finding.help == ("did you mean `small`?",)


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        ("", "E110", "1:1"),
        ("# nothing\n", "E110", "1:1"),
        ("[1]\n", "E110", "1:1"),
        ("text\n", "E110", "1:1"),
        ("name: x\nbackends: {version: lakefs}\n", "E120", "2:1"),
        ("name: ???\n", "E108", "1:7"),
        ("defaults: 5\n", "E109", "1:11"),
    ],
)
def test_a_spec_that_is_no_spec_is_refused(
    tmp_path: Path, content: str, code: str, place: str
) -> None:
    spec = write(tmp_path, {"stack.yaml": content})
    assert finding_of(lambda: load(spec)) == (code, place)


def test_values_that_have_to_be_given_can_be_given(tmp_path: Path) -> None:
    spec = write(tmp_path, {"stack.yaml": "name: ???\nb: 1\n"})
    assert load(spec, ["name=x"]).config == {"name": "x", "b": 1}


def test_a_spec_that_cannot_be_read_points_at_the_argument(tmp_path: Path) -> None:
    write(tmp_path, {"stack.yaml": SPEC})
    for path in (tmp_path / "stak.yaml", tmp_path, tmp_path / "x" / "y.yaml", Path("/dev/zero")):
        (finding,) = findings_of(lambda path=path: load(path))  # type: ignore[misc]
        assert finding.code.value == "E105"
        assert finding.span is not None
        assert finding.span.source == "<command line>"
    for odd in ("x" * 5000, "a\0b", "\udcff"):
        assert finding_of(lambda odd=odd: load(Path(odd)))[0] == "E105"  # type: ignore[misc]
    (finding,) = findings_of(lambda: load(tmp_path / "stak.yaml"))
    assert finding.help == ("did you mean `stack.yaml`?",)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text("+~=.,[]{}()/@:$'\"\\ abk01é\n", max_size=14),
            st.sampled_from(["name=", "models.late.", "+size", "backends", "~", "=1", "[", "/x"]),
        ),
        max_size=4,
    )
)
def test_any_argument_is_an_override_or_a_located_finding(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    spec = tmp_path_factory.getbasetemp() / "any" / "stack.yaml"
    if not spec.exists():
        write(spec.parent, {"stack.yaml": SPEC, **GROUPS})
    for overrides in (words, ["".join(words)]):
        by_stackc(spec.parent, overrides)
