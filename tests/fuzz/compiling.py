"""Compiles mutated specs one after the other, and tells what became of them as one line of JSON.

A program of its own, so that memory is that of compiling alone:
``python -m tests.fuzz.compiling FIRST_SEED COUNT``, in an empty folder.
"""

from __future__ import annotations

import json
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.pipeline import compile_spec
from tests.fuzz.mutate import mutated
from tests.house.cases import cases
from tests.house.cli import ROOT
from tests.house.markdown import sections


def seeds() -> tuple[list[str], list[str]]:
    """Specs to begin with: those that compile (examples, mended ones), and those that do not."""
    good = [path.read_text("utf-8") for path in sorted((ROOT / "examples").glob("*/stack.yaml"))]
    bad: list[str] = []
    for page in sorted((ROOT / "tests" / "cases").glob("*.md")):
        for case in cases(page):
            blocks = (*case.shared.blocks, *case.section.blocks)
            found = [b.text for b in blocks if b.language == "yaml" and len(b.text) < 20_000]
            (bad if "[exit 1]" in case.console.text else good).extend(found)
    for code in Code:
        for section in sections(code.page):
            found = [block.text for block in section.blocks_of("yaml")]
            (good if section.title == "Mended" else bad).extend(found)
    return good, bad


def main(first: int, count: int) -> dict[str, Any]:
    """Try that many seeds."""
    good, broken = seeds()
    spec = Path("stack.yaml")
    codes: Counter[str] = Counter()
    bad: list[str] = []
    graphs, slowest, slow_seed = 0, 0.0, first
    for seed in range(first, first + count):
        rng = random.Random(seed)
        texts = good if rng.random() < 0.8 else broken
        spec.write_bytes(mutated(rng.choice(texts), rng))
        began = time.process_time()
        try:
            compile_spec(spec)
            graphs += 1
        except StackcError as error:
            codes.update(found.code.value for found in error.diagnostics)
            lost = [d.message for d in error.diagnostics if d.span is None]
            if lost or any(d.code.value == "E799" for d in error.diagnostics):
                bad.append(f"{seed}: {lost or 'E799'}")
        except BaseException:
            bad.append(f"{seed}: {traceback.format_exc()[-1500:]}")
        took = time.process_time() - began
        if took > slowest:
            slowest, slow_seed = took, seed
        Path("stackc.lock").unlink(missing_ok=True)
    return {
        "tried": count, "graphs": graphs, "codes": dict(codes), "bad": bad[:5], "slowest": slowest,
        "slow_seed": slow_seed,
        "megabytes": peak(),
    }  # fmt: skip


def peak() -> int:
    """The most memory of this program, in MB.

    Not by ``getrusage``: that begins with the memory of who started it.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    (line,) = (text for text in status.read_text().splitlines() if text.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
