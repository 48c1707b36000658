"""Writes the quickstart's two tables from the data set that scikit-learn ships."""

from __future__ import annotations

import csv
from pathlib import Path

FOLDER = Path(__file__).parent / "data"
EARLIER = 400


def rows() -> tuple[list[str], list[list[object]]]:
    """The 569 tumours in their published order: column names, and one row each."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    names = ["id", *(str(name).replace(" ", "_") for name in bunch.feature_names), "malignant"]
    table: list[list[object]] = []
    for number, (values, target) in enumerate(zip(bunch.data, bunch.target, strict=True), start=1):
        verdict = "true" if bunch.target_names[target] == "malignant" else "false"
        table.append([f"T{number:04d}", *(repr(float(value)) for value in values), verdict])
    return names, table


def write(path: Path, names: list[str], table: list[list[object]]) -> None:
    """One CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(table)


def main() -> None:
    """``tumours.csv`` to learn from, ``later.csv`` to score."""
    FOLDER.mkdir(exist_ok=True)
    names, table = rows()
    write(FOLDER / "tumours.csv", names, table[:EARLIER])
    write(FOLDER / "later.csv", names, table[EARLIER:])


if __name__ == "__main__":
    main()
