"""What is gathered of requests is sketched, whatever the answers came as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from backends.serving.rows import Reader, Scores
from backends.serving.sketches import Gathered, Sketches
from backends.whylogs.container import read_profile
from compiler.graph.types import Column, DataType, Task


def test_an_answer_that_json_has_no_number_for_costs_no_others(tmp_path: Path) -> None:
    reader = Reader.of((Column("x", DataType("float64"), True),))
    sketches = Sketches()
    stretches: list[list[Any]] = [[1.5, 2.5], [3.0, "NaN"], [4.0]]
    for answers in stretches:
        rows = reader.rows([{"x": 1.0} for _ in answers])
        gathered = Gathered(0, rows, ["x"])
        scores = Scores(np.zeros(len(answers), np.float32), Task.REGRESSION, (), 0.5)
        gathered.add(rows, [{"prediction": answer} for answer in answers], scores)
        sketches.update(gathered)
    sketches.write(tmp_path / "w.whylogs")
    (window,) = read_profile(tmp_path / "w.whylogs").windows
    assert window.rows == 5
    assert window.columns["prediction"].rows == 5
