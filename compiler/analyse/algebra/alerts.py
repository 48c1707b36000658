"""Monitors that can never alert: thresholds and rates beyond what is measured."""

from __future__ import annotations

from compiler.codes import Code
from compiler.diagnostics import Findings, Path
from specs.monitors import Monitor

_AT_MOST_ONE = ("ks", "hellinger", "chi_square")
"""Distances of 0 to 1; psi has no upper end."""


def check_reach(monitor: Monitor, path: Path, findings: Findings) -> None:
    """Report a threshold that no distance exceeds, and rates that no share does."""
    drift, rates = monitor.drift, monitor.rates
    bounded = drift.method in _AT_MOST_ONE and drift.threshold >= 1
    # With rates a threshold out of reach is a way to look at the rates alone.
    if bounded and rates.nulls is None and rates.unknown is None:
        findings.report(
            Code.MONITOR_NEVER,
            f"this monitor can never alert: `{drift.method}` is at most 1",
            (*path, "drift", "threshold"),
            help="a distance of 0.1 to 0.2 is usual; `psi` has no upper end",
        )
    for name, rate in (("nulls", rates.nulls), ("unknown", rates.unknown)):
        if rate == 1:
            findings.report(
                Code.RATE_NEVER,
                f"no share of a column exceeds 1, so `{name}` never alerts",
                (*path, "rates", name),
                help="write a share below 1, for example `0.1`",
            )
