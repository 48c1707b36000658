"""Writes the wines from the data set that scikit-learn ships."""

from __future__ import annotations

import csv
from pathlib import Path

PATH = Path(__file__).parent / "data" / "wines.csv"
CULTIVARS = ("barolo", "grignolino", "barbera")


def main() -> None:
    """``data/wines.csv``: 178 wines, thirteen measurements of each, and its cultivar."""
    from sklearn.datasets import load_wine

    bunch = load_wine()
    names = [name.replace("/", "_") for name in bunch.feature_names]
    PATH.parent.mkdir(exist_ok=True)
    with PATH.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "cultivar"])
        for values, target in zip(bunch.data, bunch.target, strict=True):
            writer.writerow([*(repr(float(value)) for value in values), CULTIVARS[target]])


if __name__ == "__main__":
    main()
