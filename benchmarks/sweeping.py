"""A sweep over an expensive shared part, beside Hydra's multirun of a script that does the same."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from benchmarks.measure import Result, Run, process, stackc
from compiler.engine.project import open_project

EVENTS, USERS = 4_000_000, 40_000
DEPTHS, RATES = (2, 3, 4, 6), (0.03, 0.05, 0.1, 0.2)
POINTS = len(DEPTHS) * len(RATES)
ROUNDS = 200

QUERY = f"""\
with gaps as (
  select user_id, amount, moment - lag(moment) over w as gap,
    avg(amount) over (w rows 20 preceding) as mean
  from events
  window w as (partition by user_id order by moment)
)
select user_id, avg(gap) as gap, stddev(gap) as spread, max(mean) as high, min(mean) as low,
  quantile_cont(amount, 0.9) as tail, avg(amount) as amount, count(*) as events,
  hash(user_id) % 10 < 7 as train,
  avg(amount) + (hash(user_id) % 1000) / 500.0 > 1.9 as target
from gaps group by user_id having count(*) > {EVENTS // USERS // 4}
"""
FEATURES = ("gap", "spread", "high", "low", "tail", "events")

SPEC = f"""\
stackc: 1
name: users
sources:
  events:
    path: events.parquet
    columns: {{user_id: int64, moment: int64, amount: float64}}
datasets:
  users:
    sql: |
{"".join(f"      {line}{chr(10)}" for line in QUERY.splitlines())}
    split: {{train: train, test: not train}}
models:
  high:
    dataset: users
    target: target
    features: [{", ".join(FEATURES)}]
    algorithm: {{kind: hist_gradient_boosting, n_estimators: {ROUNDS}, max_depth: 4}}
    evaluation: {{metrics: [roc_auc]}}
"""

SCRIPT = f"""\
import duckdb, hydra
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

QUERY = '''{QUERY}'''
FEATURES = {list(FEATURES)!r}

@hydra.main(version_base="1.3", config_path=".", config_name="script")
def main(config):
    events = duckdb.read_parquet("events.parquet")
    users = duckdb.sql(QUERY).df()
    train, test = users[users.train], users[~users.train]
    model = HistGradientBoostingClassifier(
        max_iter={ROUNDS}, max_depth=config.max_depth, learning_rate=config.learning_rate,
        early_stopping=False, random_state=0)
    model.fit(train[FEATURES], train.target)
    return roc_auc_score(test.target, model.predict_proba(test[FEATURES])[:, 1])

if __name__ == "__main__":
    main()
"""


def run(folder: Path) -> list[Result]:
    """The same sweep by a script, by ours side by side, and by ours one thing at a time."""
    _write(folder / "script")
    by_script = process(
        [sys.executable, "script.py", "-m", _values("max_depth", DEPTHS),
         _values("learning_rate", RATES)],
        folder / "script", tree=True,
    )  # fmt: skip
    ours = _sweep(folder / "ours", DEPTHS, RATES)
    one = _sweep(folder / "one", DEPTHS[:1], RATES[:1], "--workers", "1")
    serial = _sweep(folder / "serial", DEPTHS, RATES, "--workers", "1")
    own = _work(folder / "serial") - _work(folder / "one")
    name = f"{POINTS} points over {EVENTS:,} rows"

    def told(what: str, made: Run) -> Result:
        return Result("sweeping", f"{name}: {what}", made.seconds, "s", notes=made.notes)

    ratio, cost = ours.seconds / by_script.seconds, serial.seconds / (one.seconds + own)
    law = "one at a time / (one shared part + n own parts)"
    note = f"the first point {one.seconds:.1f} s, what the others add {own:.1f} s"
    return [
        told("Hydra and a script", by_script),
        told("stackc", ours),
        Result("sweeping", "stackc / Hydra and a script", ratio, "×"),
        told("stackc, one at a time", serial),
        Result("sweeping", law, cost, "×", at_most=1.1, notes=note),
    ]


def _write(project: Path) -> None:
    project.mkdir(parents=True)
    (project / "stack.yaml").write_text(SPEC, "utf-8")
    (project / "script.py").write_text(SCRIPT, "utf-8")
    (project / "script.yaml").write_text("max_depth: 4\nlearning_rate: 0.1\n", "utf-8")
    events = (
        f"select (hash(range) % {USERS})::bigint as user_id, range as moment,"
        f" (hash(range + 7) % 1000) / 1000.0 * (1 + hash(range) % {USERS} % 7) as amount"
        f" from range({EVENTS})"
    )
    duckdb.execute(f"copy ({events}) to '{project / 'events.parquet'}' (format parquet)")


def _sweep(
    project: Path, some_depths: tuple[int, ...], some_rates: tuple[float, ...], *options: str
) -> Run:
    _write(project)
    depths = _values("models.high.algorithm.max_depth", some_depths)
    rates = _values("+models.high.algorithm.learning_rate", some_rates)
    return stackc("apply", "stack.yaml", *options, "-m", depths, rates, cwd=project, tree=True)


def _values(key: str, values: tuple[float, ...]) -> str:
    return f"{key}={','.join(map(str, values))}"


def _work(project: Path) -> float:
    """The seconds that all nodes of a sweep took, each of them once."""
    with open_project(project, write=False) as opened:
        return float(opened.state.execute("SELECT sum(seconds) FROM results")[0][0])
