"""What Ray is told by environment variables, the same in a cluster's processes and who joins it.

Ray reads these when it is imported, so they are set before; whoever starts a
process that joins hands them on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

DRAIN_SECONDS = 3
"""A replica answers at least so long after it was taken out of the ingress: longer than the
ingress needs to hear of it."""

TRAINING: Mapping[str, str] = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # How often workers are asked whether they are done: many a fit takes less than the usual 2 s.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",
}
"""What Ray Train is told, in the process that starts a training."""

_MANY = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
PRIVATE = "STACKC_RAY_PRIVATE"
"""Set in the processes of a private cluster."""

QUIET: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    # Workers take the interpreter that drives them, whatever tool started it.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TQDM_PATCH_PRINT": "0",
}
"""Nothing is reported to anyone, and nothing is printed that was not asked for."""


def private(folder: Path) -> dict[str, str]:
    """The environment of a private cluster that keeps its files in ``folder``."""
    return {
        **QUIET,
        PRIVATE: "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        # A cluster of one machine: every port is bound to 127.0.0.1 and nowhere else.
        _MANY: "0",
        "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0",
        **_ingress(folder),
    }


def _ingress(folder: Path) -> dict[str, str]:
    """HAProxy in front of Ray Serve, with its files in the cluster's own folder."""
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(folder / "haproxy"),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, os.cpu_count() or 1)),
        "RAY_SERVE_HAPROXY_HEALTH_CHECK_INTER": "1s",
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(DRAIN_SECONDS),
        "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": str(DRAIN_SECONDS),
        "RAY_SERVE_LOG_TO_STDERR": "0",
        # On a busy machine a start takes longer than Serve has the patience for.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
        "RAY_SERVE_HAPROXY_STARTUP_TIMEOUT_S": "60",
    }


def ports(metrics: int, statistics: int, fallback: int) -> dict[str, str]:
    """Ports of the ingress's own, which two clusters of one machine cannot share."""
    return {
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(statistics),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback),
    }


def many(environment: Mapping[str, str]) -> bool:
    """Whether the cluster may have several machines, so that addresses are those of a network."""
    return environment.get(_MANY) != "0"


_BEFORE: dict[str, str | None] = {}
"""What this process had in the place of what it took from a cluster."""


def take(environment: Mapping[str, str]) -> None:
    """Make them this process's own."""
    os.environ.update(environment)


def turn_to(environment: Mapping[str, str]) -> None:
    """Make those of a cluster this process's own, in the place of those of another one."""
    drop()
    _BEFORE.update({name: os.environ.get(name) for name in environment})
    take(environment)


def drop() -> None:
    """Have again what this process had before it turned to a cluster."""
    for name, value in _BEFORE.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _BEFORE.clear()
