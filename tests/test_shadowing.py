"""A user's folder that is named like one of ours is told from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import compiler

HOME = Path(compiler.__file__).parent.parent


def test_a_shadowing_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "__init__.py").write_text("")
    path = os.pathsep.join([str(tmp_path), str(HOME)])
    done = subprocess.run(
        [sys.executable, "-c", "import compiler"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"{tmp_path / 'specs'} stands in its way" in done.stderr
