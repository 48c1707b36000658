"""Help lines that are mechanical become fixes, and only where nothing else can be meant."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from compiler.diagnostics import Diagnostic, Instead, StackcError, did_you_mean
from compiler.load.mend import Edit, edit_at, edit_of, edited
from compiler.load.text import Text
from compiler.pipeline import compile_spec
from compiler.source import Sources
from tests.load.helpers import write

SPEC = """\
stackc: 1
name: shop
sources:
  orders:
    path: orders.csv
    columns: {id: int64, amount: float64, big: bool}
datasets:
  all:
    sql: select * from orders
    split: {train: 0.7, test: 0.3}
models:
  m:
    dataset: all
    target: big
    features: [amount]
    algorithm: {kind: linear}
    gates: [roc_auc >= 0.6]
"""

SLIPS = [
    ("sources:", "source:"),
    ("columns:", '"colums":'),
    ("dataset: all", "dataset: al"),
    ("target: big", "target: bgi"),
    ("from orders", "from ordrs"),
    ("select *", "select id, o.amout, big"),
    ("[amount]", "[amuont]"),
    ("[amount]", "['amuont']"),
    ("[amount]", "[{x: floor(amuont)}]"),
    ("[amount]", "[{x: flor(amount)}]"),
    ("kind: linear", "kind: liner"),
    ("roc_auc >=", "roc_au >="),
    ("float64", "float64, amount: float64"),
    ("[amount]", "[amount, amount]"),
]


def found_in(folder: Path, content: str) -> tuple[Diagnostic, ...]:
    spec = write(folder, {"stack.yaml": content})
    with pytest.raises(StackcError) as caught:
        compile_spec(spec)
    return caught.value.diagnostics


@pytest.mark.parametrize(("right", "wrong"), SLIPS)
def test_a_slip_is_mended_by_its_fix(right: str, wrong: str, tmp_path: Path) -> None:
    broken = SPEC.replace(right, wrong).replace("from orders", "from orders o")
    broken = SPEC.replace(right, wrong) if "o." not in wrong else broken
    (finding,) = found_in(tmp_path, broken)
    (fix,) = finding.fixes
    mended = edited(broken, [edit_at(Text("stack.yaml", broken), fix)])
    (tmp_path / "stack.yaml").write_text(mended, "utf-8")
    compile_spec(tmp_path / "stack.yaml")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("path: orders.csv", "path: orders.csv\n    paht: orders.csv"),
        ("float64", "float64, amount: int64"),
        ("[amount]", "[qqqqqq]"),
    ],
    ids=["the key is there already", "two that differ", "nothing near"],
)
def test_what_is_not_clear_gets_no_fix(right: str, wrong: str, tmp_path: Path) -> None:
    assert [d.fixes for d in found_in(tmp_path, SPEC.replace(right, wrong))] == [()]


def test_two_names_that_are_as_near_are_told_and_not_chosen() -> None:
    (line,) = did_you_mean("mean_are", ["mean_area", "mean_arc"])
    assert line.startswith("did you mean")
    assert not isinstance(line, Instead)
    assert isinstance(did_you_mean("mean_are", ["mean_area", "worst"])[0], Instead)


def test_the_command_line_is_not_mended(tmp_path: Path) -> None:
    spec = write(tmp_path, {"stack.yaml": SPEC})
    with pytest.raises(StackcError) as caught:
        compile_spec(spec, ["models.m.target=bgi"])
    assert caught.value.diagnostics[0].help == ("did you mean `big`?",)
    assert caught.value.diagnostics[0].fixes == ()


def test_a_mechanical_line_goes_to_another_process() -> None:
    (line,) = did_you_mean("bgi", ["big"])
    again = pickle.loads(pickle.dumps(line))
    assert (again, again.wrong, again.right) == (line, "bgi", "big")


def test_changes_that_reach_into_each_other_are_not_both_made() -> None:
    assert edited("abcdef", [Edit(0, 2, "x"), Edit(1, 3, "y"), Edit(4, 5, "")]) == "aydf"
    assert edited("abc", [Edit(0, 1, "x"), Edit(1, 2, "y")]) == "xyc"


def test_one_change_makes_a_text_another() -> None:
    assert edit_of("aaa", "aa") == Edit(2, 3, "")
    assert edit_of("abc", "abc") == Edit(3, 3, "")
    assert edited("a b c", [edit_of("a b c", "a xx c")]) == "a xx c"


def test_only_files_of_the_user_are_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    sources = Sources(tmp_path)
    sources.add("given", "text")
    assert sources.file("a.yaml") == "a: 1\r\nb: 2\r\n"
    assert (sources.file("given"), sources.file("draft")) == (None, None)
    assert sources.file("gone.yaml") is None
