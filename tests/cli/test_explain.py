"""``stackc explain``, ``schema`` and ``lock``."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from compiler.codes import Code
from tests.house.cli import stackc

SPEC = """\
stackc: 1
name: shop
sources:
  orders:
    path: orders.csv
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "stack.yaml").write_text(SPEC, "utf-8")
    (tmp_path / "orders.csv").write_text("id,amount\n1,2.5\n2,3.5\n", "utf-8")
    return tmp_path


def test_a_code_shows_its_page(tmp_path: Path) -> None:
    answer = stackc("explain", "e101", cwd=tmp_path)
    assert answer.code == 0
    assert answer.out == Code.YAML_SYNTAX.page
    document = json.loads(stackc("explain", "E101", "--format", "json", cwd=tmp_path).out)
    assert document["page"] == Code.YAML_SYNTAX.page


def test_a_code_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    answer = stackc("explain", "E998", cwd=tmp_path)
    assert answer.code == 2
    assert "E998" in answer.err


def test_a_value_shows_who_set_it_the_winner_last(shop: Path) -> None:
    words = ("sources.orders.path", "sources.orders.path=later.csv")
    answer = stackc("explain", "stack.yaml", *words, cwd=shop)
    assert answer.code == 0, answer.text
    assert answer.out.startswith('sources.orders.path = "later.csv"\n')
    first, second = [line for line in answer.out.split("\n") if "rule" in line or "wins" in line]
    assert "stack.yaml:5:11" in first
    assert "<command line>" in second
    assert stackc("explain", *words, cwd=shop).out == answer.out


def test_a_value_for_programs(shop: Path) -> None:
    answer = stackc("explain", "stack.yaml", "sources.orders", "--format", "json", cwd=shop)
    document = json.loads(answer.out)
    assert document["path"] == ["sources", "orders"]
    assert document["value"] == {"path": "orders.csv"}
    assert document["set_by"][-1]["span"]["file"] == "stack.yaml"


@pytest.mark.parametrize("asked", ["sources.order", "sources.orders.path.x", "", "a=b", "."])
def test_a_value_that_is_not_there_is_wrong_usage(shop: Path, asked: str) -> None:
    answer = stackc("explain", "stack.yaml", asked, cwd=shop)
    assert answer.code == 2
    assert "Traceback" not in answer.text


def test_schema_judges_specs(shop: Path) -> None:
    schema = json.loads(stackc("schema", cwd=shop).out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(SPEC), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"stackc": 1, "name": "x", "sorces": {}}, schema)
    assert stackc("schema", "--out", "s.json", cwd=shop).code == 0
    assert json.loads((shop / "s.json").read_text()) == schema
    module = json.loads(stackc("schema", "--file", "module", cwd=shop).out)
    assert {"inputs", "models"} <= module["properties"].keys()
    assert "required" not in module
    assert stackc("schema", "--file", "modul", cwd=shop).code == 2


def test_lock_infers_keeps_and_updates(shop: Path) -> None:
    first = stackc("lock", "stack.yaml", cwd=shop)
    assert first.code == 0, first.text
    assert "+ id: int64" in first.out
    locked = (shop / "stackc.lock").read_text("utf-8")
    (shop / "orders.csv").write_text("id,amount,city\n1,2.5,Rome\n", "utf-8")
    kept = stackc("lock", "stack.yaml", cwd=shop)
    assert "+ city: string" in kept.out
    assert (shop / "stackc.lock").read_text("utf-8") == locked
    document = json.loads(
        stackc("lock", "stack.yaml", "--update", "--format", "json", cwd=shop).out
    )
    assert document["written"] is True
    assert document["changes"] == {"sources.orders": ["+ city: string"]} or document["changes"] == {
        "orders": ["+ city: string"]
    }
    assert "city" in (shop / "stackc.lock").read_text("utf-8")
    assert "up to date" in stackc("lock", "stack.yaml", cwd=shop).out


@pytest.mark.parametrize("name", ["orders.csv", "my data: #1.csv", "Ä b.csv", "1.csv"])
def test_init_writes_a_spec_that_compiles(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "12 My Shop!"
    folder.mkdir()
    (folder / name).write_text("id,amount\n1,2.5\n", "utf-8")
    made = stackc("init", "--data", name, cwd=folder)
    assert made.code == 0, made.text
    compiled = stackc("compile", "stack.yaml", cwd=folder)
    assert compiled.code == 0, compiled.text
    again = stackc("init", cwd=folder)
    assert again.code == 2
    assert stackc("init", "other.yaml", "--data", "gone.csv", cwd=folder).code == 2


def test_a_file_that_cannot_be_written_points_at_the_argument(shop: Path) -> None:
    (shop / "folder").mkdir()
    for arguments in (["compile"], ["plan"]):
        answer = stackc(*arguments, "stack.yaml", "--out", "folder", cwd=shop)
        assert answer.code == 1
        assert "error[E607]" in answer.err
        assert "1 | stackc … --out folder" in answer.err


def test_init_has_git_merge_the_lock_by_lines(tmp_path: Path) -> None:
    attributes = tmp_path / ".gitattributes"
    attributes.write_text("*.csv text", "utf-8")
    for name in ("stack.yaml", "other.yaml"):
        assert stackc("init", name, cwd=tmp_path).code == 0
    assert attributes.read_text("utf-8") == "*.csv text\nstackc.lock merge=union\n"


def test_lock_check_writes_nothing_and_says_so_by_its_exit_code(shop: Path) -> None:
    assert stackc("lock", "stack.yaml", "--check", cwd=shop).code == 1
    assert not (shop / "stackc.lock").exists()
    stackc("lock", "stack.yaml", cwd=shop)
    assert stackc("lock", "stack.yaml", "--check", cwd=shop).code == 0
    (shop / "orders.csv").write_text("id\n1\n", "utf-8")
    answer = stackc("lock", "stack.yaml", "--check", "--format", "json", cwd=shop)
    document = json.loads(answer.out)
    assert (answer.code, document["ok"]) == (1, False)
    assert {found["code"] for found in document["diagnostics"]} == {"E327"}
    assert not (shop / ".stackc").exists()
    assert stackc("lock", "stack.yaml", "--check", "--update", cwd=shop).code == 2
