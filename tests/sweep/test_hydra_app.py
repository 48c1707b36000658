"""``stackc.trial`` in real Hydra applications: one job is one point, a multirun is one sweep."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

import stackc
from compiler.diagnostics import StackcError
from compiler.engine import sweeps
from compiler.engine.project import open_project
from compiler.load.app import overrides_of
from compiler.load.hydra.grammar import parse_argument
from tests.house.cli import ROOT, inside
from tests.load.helpers import findings_of

SPEC = """\
stackc: 1
name: shop
sources:
  orders:
    path: orders.csv
    columns: {id: int64, amount: float64, returned: bool}
datasets:
  large:
    sql: select * from orders where amount > 1
    split: {train: 0.5, test: 0.5, seed: 1}
models:
  returns:
    dataset: large
    target: returned
    features: [amount]
    algorithm: {kind: linear, reg_lambda: 1.0}
    evaluation: {metrics: [accuracy, log_loss]}
"""
CONFIG = """\
hydra: {output_subdir: null}
models: {returns: {algorithm: {reg_lambda: 0.5}}}
"""
APP = """\
import hydra
import stackc
from omegaconf import DictConfig

@hydra.main(version_base="1.3", config_path=".", config_name="search")
def main(config: DictConfig) -> float:
    value = stackc.trial("stack.yaml", config, metric="log_loss")
    print("value", value)
    return value

if __name__ == "__main__":
    main()
"""
LAMBDA = "models.returns.algorithm.reg_lambda"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    rows = "".join(f"{n},{n * 7 % 23}.5,{str(n % 3 == 0).lower()}\n" for n in range(1, 60))
    (tmp_path / "orders.csv").write_text("id,amount,returned\n" + rows)
    (tmp_path / "stack.yaml").write_text(SPEC)
    (tmp_path / "search.yaml").write_text(CONFIG)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def run(app: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=app,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def kept(app: Path) -> Mapping[int, Any]:
    """The points of each sweep by its number: what was chosen, and the loss."""
    with open_project(app, write=False) as project:
        return {
            row.number: sorted(
                (point.overrides, dict(point.metrics)["returns.log_loss"])
                for point in sweeps.points(project.state, row.number)
            )
            for row in sweeps.sweeps(project.state)
        }


def test_one_job_is_one_point_and_returns_its_metric(app: Path) -> None:
    said = run(app, f"{LAMBDA}=2")
    ((found, loss),) = kept(app)[1]
    assert found == (f"++{LAMBDA}=2",)
    assert f"value {loss}" in said


def test_jobs_of_the_joblib_launcher_wait_for_each_other_and_are_one_sweep(app: Path) -> None:
    run(app, "-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", f"{LAMBDA}=0.1,10")
    found = kept(app)
    assert [*found] == [1]
    assert [overrides for overrides, _ in found[1]] == [
        (f"++{LAMBDA}={value}",) for value in ("0.1", "10")
    ]
    assert len({loss for _, loss in found[1]}) == 2
    with open_project(app, write=False) as project:
        made = project.state.execute("SELECT address FROM journal WHERE status = 'done'")
    steps = [address for (address,) in made]
    assert steps.count("sources.orders/ingest") == 1
    assert steps.count("models.returns/train") == 2


def test_an_application_that_works_in_its_job_folder_finds_the_spec_all_the_same(
    app: Path,
) -> None:
    run(app, f"{LAMBDA}=2", "hydra.job.chdir=true", "hydra.run.dir=job")
    assert [overrides for overrides, _ in kept(app)[1]] == [(f"++{LAMBDA}=2",)]


def test_an_application_shows_what_is_wrong_and_where(app: Path) -> None:
    said = run(app, "models.returns.algorithm.reg_lambda=many", code=1)
    assert "error[E122]: `reg_lambda` must be a number, not the text `many`" in said
    assert "stackc … stack.yaml ++models.returns" in said
    assert "++models.returns.algorithm.reg_lambda=many" in said


def test_a_point_by_its_overrides(app: Path) -> None:
    with inside(app):
        value = stackc.trial("stack.yaml", ["datasets.large.split.seed=3"], metric="accuracy")
        assert 0 <= value <= 1
        assert stackc.trial("stack.yaml", ["datasets.large.split.seed=3"]) == value
    assert len(kept(app)[1]) == 1


def test_a_metric_that_there_is_not_is_told_with_the_way_out(app: Path) -> None:
    with inside(app):
        (found,) = findings_of(lambda: stackc.trial("stack.yaml", [], metric="log_los"))
    assert (found.code.value, found.help) == ("E116", ("did you mean `returns.log_loss`?",))


def test_what_is_wrong_with_a_point_is_located_and_reaches_another_process(app: Path) -> None:
    with inside(app), pytest.raises(StackcError) as caught:
        stackc.trial("stack.yaml", {"models": {"returns": {"target": "returnd"}}})
    error = pickle.loads(pickle.dumps(caught.value))
    assert "did you mean `returned`?" in stackc.rendered(error)
    assert "++models.returns.target=returnd" in stackc.rendered(error)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"a": "${nowhere}"}, "does not resolve"),
        ({"a": "???"}, "does not resolve"),
        ({"a": {"b.c": 1}}, "the key `b.c`"),
        ({"a": {1: 1}}, "the key `1`"),
        (["datasets.large.split.seed=1,2"], "one point"),
        (["a=="], "extraneous"),
    ],
)
def test_a_config_that_is_no_point_is_refused(app: Path, config: Any, says: str) -> None:
    with inside(app):
        found = findings_of(lambda: stackc.trial("stack.yaml", config))
    assert says in found[0].message


TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=8),
    st.sampled_from(["true", "Null", "1", "1e3", "a,b", "it's", 'say "x"', "\\'", "a\\", "[", ""]),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), TEXTS
)
KEYS = st.sampled_from(["a", "b_c", "D-9"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=2)),
    max_leaves=5,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3))
def test_a_config_becomes_overrides_that_mean_it(config: dict[str, Any]) -> None:
    plain = OmegaConf.create({})
    for key, value in config.items():
        plain[key] = escaped(value)
    made: dict[str, Any] = {}
    for override in overrides_of(plain):
        found = parse_argument(0, override)
        *path, last = found.key.split(".")
        inner = made
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = found.value
    assert made == config


def escaped(value: Any) -> Any:
    """Nothing here is an interpolation or missing."""
    if isinstance(value, str) and ("${" in value or value == "???"):
        return "x"
    return value


def test_no_number_is_not_a_number() -> None:
    (override,) = overrides_of({"a": float("nan")})
    assert math.isnan(parse_argument(0, override).value)
