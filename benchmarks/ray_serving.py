"""Serving through Ray Serve against a deployment written by hand, behind the same HAProxy.

The load is ``wrk``'s, which leaves the processors to those who answer.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

import orjson

from backends.ray.serve import last_front
from benchmarks.bare_ray import PATH as BARE
from benchmarks.measure import ROOT, Result, stackc
from benchmarks.serving import CLIENTS, PATH, ROUNDS, ROW

SECONDS = 5
BACKEND = "backends/serve=ray"
_SCRIPT = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{body}]]
"""
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def run(folder: Path) -> list[Result]:
    """One row and thirty-two rows a request, by hand and by us, in turns."""
    if shutil.which("wrk") is None:
        return []
    project = Path(shutil.copytree(ROOT / "examples" / "wine", folder / "wine"))
    state = project / ".stackc"
    stackc("apply", "stack.yaml", "--yes", BACKEND, cwd=project)
    try:
        front = last_front(state)
        assert front is not None
        model = next((state / "ray" / "deployments").glob("*/1/model.onnx"))
        command = [sys.executable, "-m", "benchmarks.bare_ray", str(state), str(model)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        return [
            result for rows in (1, 32) for result in _compared(rows, front.url, folder / "ask.lua")
        ]
    finally:
        stackc("destroy", "stack.yaml", "--yes", BACKEND, cwd=project)


def _compared(rows: int, url: str, script: Path) -> list[Result]:
    script.write_text(_SCRIPT.format(body=orjson.dumps({"rows": [ROW] * rows}).decode()))
    _load(f"{url}{PATH}", script, 1)
    pairs = [
        [_load(f"{url}{path}", script, SECONDS) for path in (BARE, PATH)] for _ in range(ROUNDS)
    ]
    by_hand, by_us = (median(pair[side][0] for pair in pairs) for side in (0, 1))
    slow = [median(pair[side][1] for pair in pairs) for side in (0, 1)]
    name = f"{rows} {'row' if rows == 1 else 'rows'} a request, {CLIENTS} clients"
    return [
        Result("ray_serving", f"{name}: bare", by_hand, "/s", notes=f"p99 {slow[0]:.1f} ms"),
        Result("ray_serving", f"{name}: Ray Serve", by_us, "/s", notes=f"p99 {slow[1]:.1f} ms"),
        Result("ray_serving", f"{name}: Ray Serve / bare", by_us / by_hand, "×", at_least=0.8),
    ]


def _load(url: str, script: Path, seconds: int) -> tuple[float, float]:
    """Requests per second of all clients together, and the 99th percentile in milliseconds."""
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--latency", "-s", str(script), url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said, said
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert rate is not None, said
    assert slow is not None, said
    return float(rate[1]), float(slow[1]) * _MILLISECONDS[slow[2]]
