"""What a plan says: actions, categories and reasons; and plans that are saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.diagnostics import Findings, StackcError
from compiler.engine.plan import Plan, confirm_plan, load_plan, save_plan
from compiler.engine.planning import make_plan
from compiler.engine.project import open_project
from compiler.graph.node import Graph
from tests.engine.support import (
    KNOWN,
    actions,
    backends,
    graph,
    line,
    lowered,
    node,
    plan,
    reasons,
    run,
    write_numbers,
)
from tests.engine.toybackend import Add, Heavy, Numbers, Shelve


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in which ``line`` is applied."""
    write_numbers(tmp_path)
    assert run(tmp_path, line()).ok
    return tmp_path


def codes(error: pytest.ExceptionInfo[StackcError]) -> list[str]:
    return [found.code.value for found in error.value.diagnostics]


def test_a_changed_field_runs_what_depends_on_it_and_says_old_and_new(root: Path) -> None:
    made = plan(root, line(amount=5))
    assert actions(made) == {
        "datasets.plus/query": "run",
        "models.double/train": "run",
        "models.double/register": "update",
    }
    assert reasons(made, "datasets.plus/query") == ["amount: 1 → 5"]
    assert reasons(made, "models.double/train") == ["input changed: datasets.plus/query"]
    assert made.categories == {"datasets.plus": "query", "models.double": "retrain"}


def test_changed_data_is_named(root: Path) -> None:
    (root / "numbers.txt").write_text("4 5 6")
    made = plan(root, line())
    assert reasons(made, "sources.numbers/read") == ["data changed: numbers.txt"]
    assert len(made.work) == 5


def test_what_a_resource_only_forwards_keeps_its_readers(root: Path) -> None:
    assert actions(plan(root, line(most=9))) == {"sources.numbers/publish": "update"}


def test_named_parameters_are_compared_by_name(tmp_path: Path) -> None:
    write_numbers(tmp_path)

    def wanted(*options: tuple[str, int]) -> Graph:
        return graph(
            node("sources.n/read", Numbers("numbers.txt")),
            node("datasets.a/query", Add(1, options), table="sources.n/read"),
        )

    run(tmp_path, wanted(("depth", 6), ("rate", 1)))
    made = plan(tmp_path, wanted(("depth", 8), ("seed", 2)))
    assert reasons(made, "datasets.a/query") == [
        "options.depth: 6 → 8",
        "options.seed: (not set) → 2",
        "options.rate: 1 → (not set)",
    ]
    assert reasons(plan(tmp_path, wanted(("rate", 1), ("depth", 6))), "datasets.a/query") == [
        "options: another order"
    ]


def test_a_result_of_the_past_is_reused(root: Path) -> None:
    run(root, line(amount=5))
    made = plan(root, line(amount=1))
    assert actions(made)["datasets.plus/query"] == "reuse"
    assert actions(made)["models.double/train"] == "reuse"
    assert run(root, line(amount=1)).ok
    with open_project(root, write=False) as project:
        assert project.document("models.double/train", "table") == [4, 6, 8]
    assert plan(root, line(amount=1)).empty


def test_a_renamed_block_makes_nothing_again(root: Path) -> None:
    renamed = graph(
        node("sources.numbers/read", Numbers("numbers.txt")),
        node("sources.numbers/publish", Shelve("numbers"), table="sources.numbers/read"),
        node("datasets.sum/query", Add(1), table="sources.numbers/publish"),
        node("models.double/train", Heavy(), table="datasets.sum/query"),
        node("models.double/register", Shelve("double"), table="models.double/train"),
    )
    made = plan(root, renamed)
    assert actions(made) == {"datasets.sum/query": "reuse", "datasets.plus/query": "delete"}
    assert run(root, renamed).ok
    assert plan(root, renamed).empty


def test_a_resource_that_is_gone_is_created_again(root: Path) -> None:
    (root / "shelves" / "double.json").unlink()
    made = plan(root, line())
    assert actions(made) == {"models.double/register": "create"}
    assert reasons(made, "models.double/register") == ["no longer there as it was made"]
    assert run(root, line()).ok
    assert (root / "shelves" / "double.json").exists()


def test_a_resource_moves_to_another_backend(root: Path) -> None:
    config = {**backends(), "version": {"name": "other"}}
    made = plan(root, line(), config)
    assert set(actions(made).values()) == {"replace"}
    assert reasons(made, "models.double/register") == ["backend: toy → other"]
    assert run(root, line(), config).ok
    assert plan(root, line(), config).empty
    assert json.loads((root / "shelves" / "double.json").read_text()) == [4, 6, 8]


def test_changed_settings_update_resources_only(root: Path) -> None:
    config = backends(shelves="elsewhere")
    assert set(actions(plan(root, line(), config))) == {
        "models.double/register",
        "sources.numbers/publish",
    }


def test_a_missing_file_stops_the_plan_and_changes_nothing(root: Path) -> None:
    before = (root / ".stackc" / "state.db").read_bytes()
    (root / "numbers.txt").unlink()
    with pytest.raises(StackcError) as error:
        plan(root, line())
    assert codes(error) == ["E701"]
    assert error.value.diagnostics[0].place is not None
    assert (root / ".stackc" / "state.db").read_bytes() == before


def test_all_that_cannot_be_looked_at_is_reported_at_once(tmp_path: Path) -> None:
    wanted = graph(
        node("sources.a/read", Numbers("a.txt")),
        node("sources.b/read", Numbers("b.txt")),
        node("datasets.c/query", Add(1), table="sources.a/read"),
    )
    with pytest.raises(StackcError) as error:
        plan(tmp_path, wanted)
    assert codes(error) == ["E701", "E701"]


def test_the_same_plan_is_the_same_json(root: Path) -> None:
    one, two = plan(root, line(amount=3)), plan(root, line(amount=3))
    assert json.dumps(one.to_json(), sort_keys=True) == json.dumps(two.to_json(), sort_keys=True)
    assert Plan.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_a_saved_plan_holds_until_something_changes(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    save_plan(plan(root, line(amount=3)), file)
    saved = load_plan(file)
    confirm_plan(saved, plan(root, line(amount=3)))
    (root / "numbers.txt").write_text("7")
    with pytest.raises(StackcError, match=r"sources\.numbers/read") as error:
        confirm_plan(saved, plan(root, line(amount=3)))
    assert codes(error) == ["E604"]
    with pytest.raises(StackcError, match="the spec has changed"):
        confirm_plan(saved, plan(root, line(amount=4)))
    assert run(root, line(amount=9)).ok
    with pytest.raises(StackcError, match="something was applied"):
        confirm_plan(saved, plan(root, line(amount=3)))
    other = write_numbers(tmp_path / "other")
    run(other, line())
    with pytest.raises(StackcError, match="another project"):
        confirm_plan(saved, plan(other, line(amount=3)))


def test_a_plan_saved_before_the_first_apply_can_be_applied(tmp_path: Path) -> None:
    root = write_numbers(tmp_path)
    saved = plan(root, line())
    with open_project(root, write=True) as project:
        found = make_plan(project, line(), lowered(line()), Findings())
        confirm_plan(saved, found)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": 99}', '{"format": 1}', "\udce4", "[" * 100_000]
)
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(StackcError) as error:
        load_plan(file)
    assert codes(error) == ["E605"]


def test_a_saved_plan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackcError) as error:
        load_plan(tmp_path / "none.json")
    assert codes(error) == ["E605"]


def test_removed_blocks_go_readers_first(root: Path) -> None:
    rest = graph(node("sources.numbers/read", Numbers("numbers.txt")))
    made = plan(root, rest)
    assert list(actions(made)) == [
        "models.double/register",
        "models.double/train",
        "datasets.plus/query",
        "sources.numbers/publish",
    ]
    assert made.categories["models.double"] == "delete"
    assert run(root, rest).ok
    assert list((root / "shelves").iterdir()) == []
    assert plan(root, rest).empty


def test_backends_of_the_test_are_not_installed() -> None:
    assert set(KNOWN) == {"toy", "other"}


def test_long_values_are_shown_from_where_they_differ(tmp_path: Path) -> None:
    same = "n" * 80

    def wanted(end: str) -> Graph:
        (tmp_path / f"{same}{end}.txt").write_text("1 2 3")
        return graph(node("sources.n/read", Numbers(f"{same}{end}.txt")))

    run(tmp_path, wanted("one"))
    (field, *_) = reasons(plan(tmp_path, wanted("two")), "sources.n/read")
    assert field == f"path: …{'n' * 30}one.txt → …{'n' * 30}two.txt"
