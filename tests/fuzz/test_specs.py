"""Law 7: any spec ends in a graph or in located findings, within two seconds and 256 MB.

``make test`` tries a thousand mutated specs, ``make soak`` twenty thousand others.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.mutate import WORDS
from tests.house.cli import ROOT

SECONDS, MEGABYTES = 2.0, 256
BATCH = 250


def tried(first: int, count: int, folder: Path) -> None:
    """Compile mutated specs in a process of their own, and hold what it says of them."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.compiling", str(first), str(count)],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["tried"] == count
    assert told["bad"] == [], told["bad"]
    assert told["slowest"] <= SECONDS, told
    assert told["megabytes"] <= MEGABYTES, told
    # A fuzzer whose every input fails at the first door, or none does, tries nothing.
    assert told["graphs"] > count // 50, told
    assert len(told["codes"]) > 10, told


@pytest.mark.parametrize("batch", range(4))
def test_a_thousand_mutated_specs(batch: int, tmp_path: Path) -> None:
    tried(batch * BATCH, BATCH, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(40))
def test_twenty_thousand_mutated_specs(batch: int, tmp_path: Path) -> None:
    first = random.SystemRandom().randrange(1 << 40)
    print(f"seeds from {first}")
    tried(first, 500, tmp_path)


def test_every_word_is_tried_alone(tmp_path: Path) -> None:
    """Each as a whole spec, too."""
    from compiler.diagnostics import StackcError
    from compiler.pipeline import compile_spec

    spec = tmp_path / "stack.yaml"
    for word in WORDS:
        spec.write_text(word, "utf-8", newline="")
        with pytest.raises(StackcError) as caught:
            compile_spec(spec)
        assert all(found.span is not None for found in caught.value.diagnostics), word
