"""Specs and tables to measure with: any number of blocks in the shares that real stacks have.

No two queries of a spec are alike but for the names of their tables: equal ones are bound once.
"""

from __future__ import annotations

from pathlib import Path

FAMILY = 10
"""Blocks of one family: 2 sources, 2 validations, 3 datasets, a model, a prediction, a monitor."""

_SOURCES = """\
  events_{n}:
    description: What happened in area {n}.
    path: data/events_{n}.csv
    columns:
      id: {{type: int64, nullable: false}}
      happened: timestamp
      kind: string
      amount: float64
      region: string
      late: bool
  people_{n}:
    path: data/people_{n}.csv
    columns:
      id: {{type: int64, nullable: false}}
      age: int64
      income: float64
      city: string
"""
_VALIDATION = """\
  events_{n}:
    - not_null: [kind, happened]
    - between: {{amount: [0, 1000]}}
    - in_set: {{region: [north, south]}}
      on_failure: warn
  people_{n}:
    - unique: [id]
    - between: {{age: [0, 120]}}
"""
_DATASETS = """\
  joined_{n}:
    sql: |
      select e.*, p.age, p.income, p.city
      from events_{n} e left join people_{n} p on p.id = e.id
      where e.amount > {n}
  recent_{n}:
    sql: select * from joined_{n} where happened >= timestamp '2024-01-01' and id > {n}
    clean:
      - trim: [city, kind]
      - clip: {{income: [0, 1000000]}}
    split: {{train: 0.7, validation: 0.1, test: 0.2, seed: {n}}}
  later_{n}:
    sql: select * from joined_{n} where happened >= timestamp '2025-01-01' and id > {n}
"""
_MODELS = """\
  late_{n}:
    dataset: recent_{n}
    target: late
    features:
      - kind
      - city
      - log_income: ln(income + 1)
      - weekday: extract(isodow from happened)
      - ratio: amount / greatest(age, 1)
    algorithm: {{kind: xgboost, max_depth: {depth}, learning_rate: 0.1}}
    evaluation:
      metrics: [roc_auc, f1]
      slices: [region]
    gates:
      - roc_auc >= 0.6
"""
_PREDICTIONS = """\
  scored_{n}:
    model: late_{n}
    table: later_{n}
"""
_MONITORS = """\
  drift_{n}:
    prediction: scored_{n}
    drift: {{method: psi, threshold: 0.2}}
    on_alert: [notify: ops]
"""
_KINDS = {
    "sources": _SOURCES,
    "validation": _VALIDATION,
    "datasets": _DATASETS,
    "models": _MODELS,
    "predictions": _PREDICTIONS,
    "monitors": _MONITORS,
}


def spec_text(blocks: int) -> str:
    """A spec of so many blocks, families of ten, and one notification."""
    families = range(max(1, blocks // FAMILY))
    parts = ["stackc: 1\nname: generated\n"]
    for kind, template in _KINDS.items():
        parts.append(f"{kind}:\n")
        parts += [template.format(n=n, depth=3 + n % 5) for n in families]
    parts.append("notifications:\n  ops: {log: true}\n")
    return "".join(parts)


def write_spec(folder: Path, blocks: int) -> Path:
    """``stack.yaml`` in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "stack.yaml"
    path.write_text(spec_text(blocks), "utf-8")
    return path


def write_tables_project(folder: Path, sources: int) -> None:
    """A project of small tables that can be applied: sources, a rule each, a query each."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    lines = ["stackc: 1\nname: tables\nsources:\n"]
    for n in range(sources):
        (data / f"t{n}.csv").write_text(f"id,amount\n1,{n}.5\n2,{n}.25\n", "utf-8")
        lines.append(f"  t{n}: {{path: data/t{n}.csv, columns: {{id: int64, amount: float64}}}}\n")
    lines.append("validation:\n")
    lines += [f"  t{n}: [{{not_null: [id]}}]\n" for n in range(sources)]
    lines.append("datasets:\n")
    lines += [
        f"  d{n}: {{sql: 'select id, amount * 2 as twice from t{n}'}}\n" for n in range(sources)
    ]
    (folder / "stack.yaml").write_text("".join(lines), "utf-8")
