"""Where a value of the composed spec is to be written: in which of its files, and at which path."""

from __future__ import annotations

from compiler.load import Loaded
from compiler.load.expand.environments import ENVIRONMENTS
from compiler.load.layers import FileLayer

Path = tuple[str | int, ...]


def home_of(path: Path, loaded: Loaded) -> tuple[FileLayer, Path]:
    """The file and the path in it: an environment's own value there, a block in its file."""
    main = loaded.own[0]
    if loaded.environment is not None:
        inside = (ENVIRONMENTS, loaded.environment, *path)
        written = any(layer.sets(path[:2]) for layer in loaded.own)
        if main.sets(inside) or (not written and main.sets(inside[:4])):
            return main, inside
    for layer in loaded.own[1:]:
        if len(path) > 1 and layer.sets(path[:2]):
            return layer, path
    return main, path
