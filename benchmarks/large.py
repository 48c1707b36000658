"""Data larger than memory: a long source through ingest, validation, query and split."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Result, stackc
from benchmarks.tables import write_long

SPEC = """\
stackc: 1
name: large
sources:
  orders:
    path: data/orders.parquet
    columns:
      id: {type: int64, nullable: false}
      customer: int64
      amount: float64
      weight: float64
      region: string
      placed: timestamp
      returned: bool
validation:
  orders:
    - not_null: [id, customer]
    - between: {amount: [0, 500]}
    - matches: {region: "^region"}
    - expression: weight >= 0
    - row_count: {min: 1}
datasets:
  priced:
    sql: select *, amount / greatest(weight, 1) as price from orders where amount > 5
    clean:
      - clip: {price: [0, 400]}
    split: {train: 0.7, validation: 0.1, test: 0.2, seed: 1}
"""


def run(folder: Path, rows: int = 20_000_000) -> list[Result]:
    """One apply as a program of its own, with the peak memory of its process tree."""
    project = folder / "large"
    project.mkdir(parents=True)
    write_long(project / "data" / "orders.parquet", rows)
    (project / "stack.yaml").write_text(SPEC, "utf-8")
    done = stackc("apply", "stack.yaml", "--yes", cwd=project, tree=True)
    name = f"{rows:,} rows: ingest, validate, query, split"
    return [
        Result("large", name, done.seconds, "s", notes=done.notes),
        Result("large", f"{name}: peak memory", done.peak / 1e6, "MB", at_most=3000.0),
    ]
