"""The compiler: from a spec's text to an applied plan."""

from importlib.util import find_spec
from pathlib import Path

_HOME = Path(__file__).resolve().parent.parent

for _name in ("specs", "backends"):
    # Generic names: a folder of the user's that stands before ours on the path would be
    # imported instead, and fail in ways that name neither.
    _found = find_spec(_name)
    _origin = Path(_found.origin).resolve().parent.parent if _found and _found.origin else None
    if _origin is not None and _origin != _HOME:
        raise ImportError(
            f"stackc needs its own package `{_name}`, and {_origin / _name} stands in its way: "
            "rename that folder, or run stackc from another one"
        )
