"""Promoting: a point's values are in the spec, all else is as it was, and it means the point."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from compiler.engine import sweeps
from compiler.engine.project import open_project
from compiler.engine.rows import now
from compiler.engine.sweeps import PointRow, SweepRow
from compiler.load import load
from compiler.load.points import points_of
from compiler.sweep.find import find_point
from compiler.sweep.promote import promotion, write
from tests.house.cli import stackc

SPEC = """\
# The shop's orders.
stackc: 1
name: shop          # not the other shop

sources:
  orders: &orders
    path: 'orders.csv'   # by hand
    columns: {id: int64, amount: float64}
  more: *orders

datasets:
  large:
    sql: >-
      select * from orders
      where amount > 5

    # halves
    split: {train: 0.5, test: 0.5, seed: 1}
"""
ROWS = "id,amount\n1,10.5\n2,99.0\n3,12.25\n4,7.5\n"
SEED = "datasets.large.split.seed"


def lay(folder: Path, spec: str = SPEC) -> Path:
    (folder / "orders.csv").write_text(ROWS)
    (folder / "stack.yaml").write_bytes(spec.encode())
    return folder


def tried(folder: Path, *overrides: str) -> None:
    """Write down a sweep as if it had been tried: promoting asks for no more."""
    found = points_of(folder / "stack.yaml", overrides)
    row = SweepRow(0, " ".join(overrides), "shop", overrides, (), now(), None, "done", "")
    points = [PointRow(p.number, p.overrides, p.choices, "done") for p in found]
    with open_project(folder, write=True) as project, project.state.transaction(changes=False):
        sweeps.begin(project.state, row, points)


def promoted(folder: Path, *overrides: str, point: int = 1) -> str:
    """Try a sweep, promote a point of it: the spec's text after that."""
    tried(folder, *overrides)
    answer = stackc("promote", "stack.yaml", str(point), "--yes", cwd=folder)
    assert answer.code == 0, answer.text
    return (folder / "stack.yaml").read_bytes().decode()


def test_only_the_value_changes(tmp_path: Path) -> None:
    text = promoted(lay(tmp_path), f"{SEED}=1,2,3", point=3)
    assert text == SPEC.replace("seed: 1", "seed: 3")


def test_a_point_of_a_hydra_application_is_promoted_alike(tmp_path: Path) -> None:
    text = promoted(lay(tmp_path), f"++{SEED}=1,2", "++datasets.large.owner=me", point=2)
    assert text == SPEC.replace("seed: 1}\n", "seed: 2}\n    owner: me\n")


def test_quotes_and_comments_stay(tmp_path: Path) -> None:
    (tmp_path / "later.csv").write_text(ROWS)
    spec = SPEC.replace("  more: *orders\n", "").replace(": &orders", ":")
    text = promoted(lay(tmp_path, spec), "sources.orders.path=orders.csv,later.csv", point=2)
    assert text == spec.replace("'orders.csv'   # by hand", "'later.csv'   # by hand")


def test_line_ends_stay(tmp_path: Path) -> None:
    spec = SPEC.replace("\n", "\r\n")
    text = promoted(lay(tmp_path, spec), f"{SEED}=1,2", "+datasets.large.description=x", point=2)
    assert text == spec.replace("seed: 1}\r\n", "seed: 2}\r\n    description: x\r\n")


def test_a_mark_at_the_beginning_stays(tmp_path: Path) -> None:
    text = promoted(lay(tmp_path, "\ufeff" + SPEC), f"{SEED}=1,2", point=2)
    assert text == "\ufeff" + SPEC.replace("seed: 1", "seed: 2")


def test_what_is_absent_is_added_by_the_files_indentation(tmp_path: Path) -> None:
    text = promoted(
        lay(tmp_path), f"{SEED}=1,2", "+validation.orders=[{row_count: {min: 3}}]", point=1
    )
    added = "validation:\n  orders: [{row_count: {min: 3}}]\n"
    assert text == SPEC + added


def test_what_was_taken_away_goes(tmp_path: Path) -> None:
    text = promoted(lay(tmp_path), f"{SEED}=1,2", "~sources.more", point=2)
    assert text == SPEC.replace("  more: *orders\n", "").replace("seed: 1", "seed: 2")


def test_a_folded_text_becomes_what_was_chosen(tmp_path: Path) -> None:
    text = promoted(
        lay(tmp_path),
        "datasets.large.sql='select * from orders','select id, amount + 1 as more from orders'",
        point=2,
    )
    before, after = SPEC.split("sql: >-\n      select * from orders\n      where amount > 5\n")
    assert text == f"{before}sql: select id, amount + 1 as more from orders\n{after}"


def test_a_chosen_option_goes_into_the_defaults_list(tmp_path: Path) -> None:
    lay(tmp_path)
    options = tmp_path / "conf" / "experiment"
    options.mkdir(parents=True)
    for name, seed in (("one", 11), ("two", 12)):
        (options / f"{name}.yaml").write_text(
            f"# @package _global_\ndatasets: {{large: {{split: {{seed: {seed}}}}}}}\n"
        )
    text = promoted(tmp_path, "+experiment=one,two", point=2)
    line = "defaults: [_self_, {experiment: two}]\n"
    head = "name: shop          # not the other shop\n"
    assert text == SPEC.replace(head, head + line)
    assert load(tmp_path / "stack.yaml").config["datasets"]["large"]["split"]["seed"] == 12
    assert promoted(tmp_path, "experiment=one,two", point=1) == text.replace("two", "one")


def test_backends_are_told_and_not_written(tmp_path: Path) -> None:
    lay(tmp_path)
    tried(tmp_path, f"{SEED}=1,2", "backends/query=duckdb")
    answer = stackc("promote", "stack.yaml", "2", "--yes", cwd=tmp_path)
    assert "Next: stackc apply stack.yaml backends/query=duckdb" in answer.out
    assert "backends" not in (tmp_path / "stack.yaml").read_text()


def test_what_stands_behind_an_alias_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    lay(tmp_path)
    (tmp_path / "later.csv").write_text(ROWS)
    tried(tmp_path, "sources.more.path=orders.csv,later.csv")
    answer = stackc("promote", "stack.yaml", "2", "--yes", cwd=tmp_path)
    assert answer.code == 1
    assert "error[E611]" in answer.text
    assert "`sources.more` stands behind a YAML alias" in answer.text
    assert (tmp_path / "stack.yaml").read_text() == SPEC


def test_a_change_that_would_reach_further_is_refused(tmp_path: Path) -> None:
    """The anchor's value is also its alias's: changed in place, both would change."""
    lay(tmp_path)
    (tmp_path / "later.csv").write_text(ROWS)
    tried(tmp_path, "sources.orders.path=orders.csv,later.csv")
    answer = stackc("promote", "stack.yaml", "2", "--yes", cwd=tmp_path)
    assert answer.code == 1
    assert "`sources.more.path` differs" in answer.text
    assert (tmp_path / "stack.yaml").read_text() == SPEC


def test_a_value_that_a_group_would_win_back_is_refused(tmp_path: Path) -> None:
    spec = SPEC.replace("name: shop ", "defaults: [_self_, {experiment: one}]\nname: shop ")
    lay(tmp_path, spec)
    options = tmp_path / "conf" / "experiment"
    options.mkdir(parents=True)
    (options / "one.yaml").write_text(
        "# @package _global_\ndatasets: {large: {split: {seed: 11}}}\n"
    )
    tried(tmp_path, f"{SEED}=1,2")
    answer = stackc("promote", "stack.yaml", "2", "--yes", cwd=tmp_path)
    assert answer.code == 1
    assert f"`{SEED}` differs" in answer.text
    assert (tmp_path / "stack.yaml").read_text() == spec


def test_an_option_that_is_gone_since_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    lay(tmp_path)
    tried(tmp_path, "+experiment=one,two")
    answer = stackc("promote", "stack.yaml", "2", "--yes", cwd=tmp_path)
    assert answer.code == 1
    assert "error[E120]: unknown key `experiment`" in answer.text
    assert "--> <point 2>:1:" in answer.text
    assert (tmp_path / "stack.yaml").read_text() == SPEC


def test_a_point_that_the_spec_is_already_writes_nothing(tmp_path: Path) -> None:
    lay(tmp_path)
    tried(tmp_path, f"{SEED}=1,2")
    before = (tmp_path / "stack.yaml").stat()
    answer = stackc("promote", "stack.yaml", "1", cwd=tmp_path)
    assert answer.code == 0
    assert "stack.yaml is point 1 already" in answer.out
    assert (tmp_path / "stack.yaml").stat().st_mtime_ns == before.st_mtime_ns


def test_without_a_yes_nothing_is_written(tmp_path: Path) -> None:
    lay(tmp_path)
    tried(tmp_path, f"{SEED}=1,2")
    answer = stackc("promote", "stack.yaml", "2", cwd=tmp_path)
    assert answer.code != 0
    assert "+    split: {train: 0.5, test: 0.5, seed: 2}" in answer.out
    assert (tmp_path / "stack.yaml").read_text() == SPEC


def test_mode_and_link_stay(tmp_path: Path) -> None:
    lay(tmp_path)
    real = tmp_path / "real.yaml"
    (tmp_path / "stack.yaml").rename(real)
    real.chmod(0o640)
    (tmp_path / "stack.yaml").symlink_to("real.yaml")
    promoted(tmp_path, f"{SEED}=1,2", point=2)
    assert (tmp_path / "stack.yaml").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert "seed: 2" in real.read_text()


def test_a_spec_that_changed_since_it_was_read_is_not_written_over(tmp_path: Path) -> None:
    lay(tmp_path)
    tried(tmp_path, f"{SEED}=1,2")
    with open_project(tmp_path, write=False) as project:
        row, point = find_point(project, 2, None)
    found = promotion(tmp_path / "stack.yaml", row, point)
    (tmp_path / "stack.yaml").write_text(SPEC + "# a friend was here\n")
    with pytest.raises(Exception, match="has changed meanwhile"):
        write(found)
    assert (tmp_path / "stack.yaml").read_text() == SPEC + "# a friend was here\n"


def test_an_older_sweep_is_named_by_its_number(tmp_path: Path) -> None:
    lay(tmp_path)
    tried(tmp_path, f"{SEED}=5,6")
    tried(tmp_path, f"{SEED}=7,8")
    answer = stackc("promote", "stack.yaml", "2", "--sweep", "1", "--yes", cwd=tmp_path)
    assert answer.code == 0
    assert "seed: 6" in (tmp_path / "stack.yaml").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_spec_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    lay(tmp_path)
    tried(tmp_path, f"{SEED}=5,6")
    tmp_path.chmod(0o500)
    try:
        answer = stackc("promote", "stack.yaml", "2", "--yes", cwd=tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert "error[E607]" in answer.text
