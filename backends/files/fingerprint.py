"""Fingerprints of files: their content, remembered as long as nothing touched them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compiler.diagnostics import StackcError
from compiler.engine import durable
from compiler.graph.digest import canonical, digest

_SETTLED = 2.0
"""Seconds after which a file's modification time tells one content from the next."""
_KEPT = 20_000


def content(files: Sequence[Path], state: Path) -> str:
    """The digest of the files' contents in order."""
    memory = _Memory(state / "fingerprints.json")
    digests = [memory.of(file) for file in files]
    memory.save()
    return digest(digests)


class _Memory:
    """Digests of files by what the system says of them, kept in a small file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _load(path)
        self._changed = False

    def of(self, file: Path) -> str:
        before = _identity(file)
        name = str(file.resolve())
        entry = self._known.get(name)
        if isinstance(entry, list) and entry[:3] == before:
            return str(entry[3])
        with file.open("rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
        settled = time.time() - before[1] / 1e9 > _SETTLED
        if settled and before == _identity(file):
            self._known[name] = [*before, found]
            self._changed = True
        return found

    def save(self) -> None:
        """Keep what was learnt; without room for it the next plan reads the files again."""
        if not self._changed:
            return
        recent = list(self._known.items())[-_KEPT:]
        # It only saves time, so nothing that stops it may stop a plan.
        with contextlib.suppress(StackcError, OSError):
            durable.write(self._path, canonical({"version": 1, "files": dict(recent)}))


def _identity(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    files = found.get("files") if isinstance(found, dict) and found.get("version") == 1 else None
    if not isinstance(files, dict):
        return {}
    return {name: entry for name, entry in files.items() if _valid(entry)}


def _valid(entry: Any) -> bool:
    return isinstance(entry, list) and len(entry) == 4 and isinstance(entry[3], str)
