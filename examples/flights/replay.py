"""Sends flights of 2013 to the deployment as if they were asked about today.

Each argument is one window of traffic, of a month or of several: `1-6` is what
the model has learned from, `12` is December. After each one the open window is
ended and judged. An argument with `=` is an override, as of the apply: `backends=ray`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

import stackc

SPEC = Path(__file__).parent / "stack.yaml"
DEPLOYMENT, MONITOR = "late_api", "monitors.traffic"
ROWS, TOGETHER = 2000, 200


def months(text: str) -> tuple[int, int]:
    """The first and the last month of `6` or `1-6`."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def flights(departures: pa.Table, first: int, last: int) -> list[dict[str, Any]]:
    """Flights of those months, spread evenly over them, as JSON has them."""
    month = departures["month"]
    found = departures.filter(pc.and_(pc.greater_equal(month, first), pc.less_equal(month, last)))
    step = max(1, found.num_rows // ROWS)
    rows = found.take(pa.array(range(0, found.num_rows, step))).to_pylist()
    return [
        {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()} for row in rows
    ]


def columns(url: str) -> set[str]:
    """What the deployment wants to know of a flight."""
    with urllib.request.urlopen(url) as answer:
        return set(json.load(answer)["request"]["properties"])


def ask(url: str, rows: list[dict[str, Any]]) -> None:
    """Send rows, some at a time."""
    wanted = columns(url)
    for start in range(0, len(rows), TOGETHER):
        part = [{k: row[k] for k in wanted} for row in rows[start : start + TOGETHER]]
        body = json.dumps({"rows": part}).encode()
        urllib.request.urlopen(urllib.request.Request(url, body)).read()


def main(windows: list[str], overrides: list[str]) -> None:
    """Replay each window, and have it judged."""
    applied = stackc.apply(SPEC, *overrides)
    url = applied.documents.endpoint[f"deployments.{DEPLOYMENT}"]["url"]
    departures = applied.table("datasets.departures")
    for text in windows:
        rows = flights(departures, *months(text))
        ask(url, rows)
        print(f"months {text}: {len(rows)} flights", flush=True)
        command = [sys.executable, "-c", "from compiler.cli import program; program()", "monitor"]
        subprocess.run([*command, str(SPEC), "--close", *overrides], check=True)


if __name__ == "__main__":
    windows = [text for text in sys.argv[1:] if "=" not in text]
    main(windows or ["1-6", "9", "12"], [text for text in sys.argv[1:] if "=" in text])
