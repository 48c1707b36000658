"""``stackc init --data``: what it writes compiles and applies, whatever the data is like."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from compiler.load.layout import laid_out
from compiler.load.parse import parse
from compiler.load.text import Text
from tests.house.cli import ROOT, Answer, stackc

CHANCE = random.Random(3)
WORDS = ["amber", "birch", "cedar"]


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def begun(folder: Path, name: str, *more: str) -> tuple[dict[str, Any], str]:
    """The spec that is written over a file, and its text."""
    made = stackc("init", "--data", name, *more, cwd=folder)
    assert made.code == 0, made.text
    text = (folder / "stack.yaml").read_text("utf-8")
    assert laid_out(Text("stack.yaml", text)) == text
    return parse(Text("stack.yaml", text)), text


def applied(folder: Path) -> Answer:
    compiled = stackc("compile", "stack.yaml", cwd=folder)
    assert compiled.code == 0, compiled.text
    assert "warning" not in compiled.text
    answer = stackc("apply", "stack.yaml", "--yes", cwd=folder)
    assert answer.code == 0, answer.text
    assert stackc("destroy", "stack.yaml", "--yes", cwd=folder).code == 0
    return answer


def people(folder: Path, rows: int = 300) -> None:
    """Rows with an id, nulls, categories, free text, a date and two targets."""
    write(
        folder / "people.csv",
        ["id", "age", "city", "note", "joined", "churned", "spent"],
        [
            [
                f"P{n:05}", CHANCE.choice([20, 35.5, 50, ""]), CHANCE.choice(WORDS),
                f"note {n} {CHANCE.random()}", date(2024, 1, 1) + timedelta(days=n),
                CHANCE.choice(["true", "false"]), round(CHANCE.gauss(100, 20), 2),
            ]
            for n in range(rows)
        ],
    )  # fmt: skip


def test_what_is_chosen(tmp_path: Path) -> None:
    people(tmp_path)
    spec, text = begun(tmp_path, "people.csv")
    columns = spec["sources"]["people"]["columns"]
    assert columns["id"] == {"type": "string", "nullable": False}
    assert columns["age"] == "float64"
    assert columns["joined"] == {"type": "date", "nullable": False}
    rules = spec["validation"]["people"]
    assert {"unique": ["id"]} in rules
    assert {"in_set": {"city": WORDS}} in rules
    assert {"between": {"age": [20, 50]}} in rules
    (model,) = spec["models"].values()
    assert (model["target"], model["task"]) == ("churned", "binary")
    assert model["features"] == ["age", "city", "spent"]
    assert "# id: names the row" in text
    assert "# note: free text" in text
    assert "# joined: a time is no feature by itself" in text
    split = spec["datasets"]["examples"]["split"]
    assert split["train"].startswith('"joined" < date \'2024-')
    assert set(spec["deployments"]) == {"churned_api"}
    assert "# gates: [roc_auc >= 0.7]" in text


def test_without_a_target_those_that_could_be_are_told(tmp_path: Path) -> None:
    """Which column is meant nobody can know: those of few values are named, the last of them."""
    rows = [[n, CHANCE.choice(WORDS), CHANCE.choice(["no", "yes"]), n % 2 == 0] for n in range(200)]
    write(tmp_path / "cases.csv", ["id", "site", "ill at all", "old"], rows)
    spec, text = begun(tmp_path, "cases.csv")
    assert "models" not in spec
    assert "name one, perhaps `--target 'ill at all'` or `--target old`." in text
    write(tmp_path / "names.csv", ["id"], [[n] for n in range(200)])
    shutil.move(tmp_path / "stack.yaml", tmp_path / "first.yaml")
    assert "no target: name one with --target." in begun(tmp_path, "names.csv")[1]


@pytest.mark.parametrize("target", ["churned", "spent", "city"])
def test_a_model_for_each_task_is_applied(target: str, tmp_path: Path) -> None:
    people(tmp_path)
    spec, _ = begun(tmp_path, "people.csv", "--target", target)
    tasks = {"churned": "binary", "spent": "regression", "city": "multiclass"}
    (model,) = spec["models"].values()
    assert model["task"] == tasks[target]
    applied(tmp_path)


@pytest.mark.parametrize(
    ("example", "file", "target"),
    [("quickstart", "tumours.csv", "malignant"), ("wine", "wines.csv", "cultivar")],
)
def test_the_data_of_the_examples(example: str, file: str, target: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / example / "data" / file, tmp_path / file)
    spec, _ = begun(tmp_path, file, "--target", target)
    assert list(spec["models"]) == [target]
    applied(tmp_path)


def test_a_target_with_nulls(tmp_path: Path) -> None:
    rows = [[n % 7, CHANCE.choice(["a", "b", ""])] for n in range(300)]
    write(tmp_path / "d.csv", ["x", "label"], rows)
    spec, _ = begun(tmp_path, "d.csv")
    assert spec["datasets"]["examples"]["sql"] == 'select * from d where "label" is not null'
    applied(tmp_path)


ODD = [
    "two words", 'a "quote"', "it's", "größe", "😀", "select", "from", "a.b", "a,b", "{x}", "#hash",
    ": colon", "- dash", "null", "true", "1", "1.5", "a:b", "*star", "&and", "!bang", "%", "@at",
    "${x}", "${env:HOME}", "_target_", "<<", "x" * 80, "tab\tin", "table", "order", "__row", "~",
]  # fmt: skip


def test_columns_with_odd_names(tmp_path: Path) -> None:
    rows = [[*(CHANCE.random() for _ in ODD), n % 2] for n in range(200)]
    write(tmp_path / "odd.csv", [*ODD, "the target?"], rows)
    spec, _ = begun(tmp_path, "odd.csv", "--target", "the target?")
    declared = set(spec["sources"]["odd"]["columns"])
    assert set(ODD) - declared == {"_target_", "tab\tin"}
    applied(tmp_path)


@pytest.mark.parametrize(
    ("name", "header", "rows"),
    [
        ("one.csv", ["x"], [[n] for n in range(5)]),
        ("texts.csv", ["x"], [["a b c"], ["d"]]),
        ("nulls.csv", ["x", "y"], [[n, ""] for n in range(30)]),
        ("flat.csv", ["x", "target"], [[1, "a"] for _ in range(100)]),
        ("examples.csv", ["x", "target"], [[n, n % 2] for n in range(100)]),
        ("few.csv", ["x", "target"], [[1, "a"], [2, "b"]]),
        ("large.csv", ["x"], [[10**18 + n] for n in range(20)]),
        ("infinite.csv", ["x"], [["inf"], ["nan"], ["1.5"], ["-inf"]]),
        ("select.csv", ["from", "label"], [[n, n % 3 == 0] for n in range(120)]),
        ("2024 Übersicht.csv", ["x"], [[1], [2], [3]]),
    ],
)
def test_small_and_strange_files(
    name: str, header: list[str], rows: list[list[object]], tmp_path: Path
) -> None:
    write(tmp_path / name, header, rows)
    begun(tmp_path, name)
    applied(tmp_path)


def test_five_hundred_columns(tmp_path: Path) -> None:
    names = [f"c{n:03}" for n in range(500)]
    rows = [[round(CHANCE.random(), 3) for _ in names] for _ in range(100)]
    write(tmp_path / "wide.csv", [*names, "label"], [[*row, n % 2] for n, row in enumerate(rows)])
    spec, _ = begun(tmp_path, "wide.csv")
    assert len(spec["sources"]["wide"]["columns"]) == 501
    assert sum("between" in rule for rule in spec["validation"]["wide"]) == 12
    applied(tmp_path)


@pytest.mark.parametrize(
    "suffix", ["parquet", "jsonl", "tsv"], ids=["parquet", "json lines", "tabs"]
)
def test_other_formats(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"d.{suffix}"
    columns = "range AS id, range % 2 = 0 AS label, range / 7 AS x, [1, 2] AS nested"
    options = {"parquet": "FORMAT parquet", "jsonl": "FORMAT json", "tsv": "DELIMITER '\t', HEADER"}
    query = f"SELECT {columns} FROM range(200)"
    duckdb.execute(f"COPY ({query}) TO '{target}' ({options[suffix]})")
    spec, _ = begun(tmp_path, target.name)
    assert list(spec["models"]) == ["label"]
    applied(tmp_path)


def refused(folder: Path, *arguments: str) -> str:
    answer = stackc("init", *arguments, cwd=folder)
    assert answer.code in (1, 2)
    assert not (folder / "stack.yaml").exists()
    return answer.text


Break = Callable[[Path], object]


@pytest.mark.parametrize(
    ("lay", "said"),
    [
        (lambda p: p.write_text(""), "error[E703]"),
        (lambda p: p.write_text("a,b\n"), "no rows"),
        (lambda p: p.write_bytes(b"\x00\xff\x00\x01" * 100), "error[E70"),
        (lambda p: p.write_text("a,b\n1,2\n1,2,3,4\n"), "error[E702]"),
        (lambda p: p.write_text("a,a\n1,2\n"), "error["),
    ],
    ids=["empty", "header only", "binary", "ragged", "a name twice"],
)
def test_files_that_cannot_be_begun_with(lay: Break, said: str, tmp_path: Path) -> None:
    lay(tmp_path / "d.csv")
    assert said in refused(tmp_path, "--data", "d.csv")


def test_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("age,label\n1,2\n", "utf-8")
    assert "did you mean `age`?" in refused(tmp_path, "--data", "d.csv", "--target", "agee")
    (tmp_path / "d.xyz").write_text("a\n1\n", "utf-8")
    assert "error[E132]" in refused(tmp_path, "--data", "d.xyz")
    assert "--target" in refused(tmp_path, "--target", "x")
    assert "there is no file" in refused(tmp_path, "--data", "gone.csv")
