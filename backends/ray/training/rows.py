"""A problem's rows in files, which every worker maps into its memory and none reads as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from backends.training.problem import Array, Part, Problem

_NONE = Part(np.empty((0, 0), np.float32), np.empty(0))


class Rows(Struct, frozen=True):
    """A problem on its way to a worker.

    Attributes:
        folder: Where the rows lie; every machine of the cluster sees it.
        rest: All of it but its rows.
    """

    folder: Path
    rest: Problem

    @classmethod
    def written(cls, problem: Problem, folder: Path) -> Rows:
        """Write the rows; the folder is made."""
        folder.mkdir()
        _write(problem.train, folder / "train")
        if problem.validation is not None:
            _write(problem.validation, folder / "validation")
        watched = None if problem.validation is None else _NONE
        return cls(folder, replace(problem, train=_NONE, validation=watched))

    def opened(self, threads: int) -> Problem:
        """The problem as it was; a page of its rows is read when it is looked at."""
        watched = self.rest.validation and _opened(self.folder / "validation")
        return replace(
            self.rest, train=_opened(self.folder / "train"), validation=watched, threads=threads
        )


def _write(part: Part, folder: Path) -> None:
    folder.mkdir()
    for name, array in (("x", part.x), ("y", part.y), ("weight", part.weight)):
        if array is not None:
            np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _opened(folder: Path) -> Part:
    weight = folder / "weight.npy"
    return Part(
        _mapped(folder / "x.npy"),
        _mapped(folder / "y.npy"),
        _mapped(weight) if weight.exists() else None,
    )


def _mapped(path: Path) -> Array:
    # Copied when it is written to, as PyTorch takes no arrays that cannot be.
    return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
