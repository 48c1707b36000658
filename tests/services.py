"""Real services for tests: started on demand, on 127.0.0.1, with files of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL with one superuser and a password."""

    port: int
    user: str = "stackc"
    password: str = "s3cr3t/p@ss"
    database: str = "postgres"

    @property
    def dsn(self) -> str:
        """The connection string, password included."""
        return self.dsn_with(quote(self.password, safe=""))

    def dsn_with(self, password: str) -> str:
        """The connection string with another text for the password."""
        return f"postgresql://{self.user}:{password}@127.0.0.1:{self.port}/{self.database}"

    def run(self, *statements: str) -> None:
        """Execute statements and commit."""
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.dsn) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _binaries() -> Path | None:
    found = shutil.which("postgres")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return folders[-1].parent if folders else None


def _as_other_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: run it as the user that Debian made for it."""
    if os.geteuid() != 0:
        return []
    if shutil.which("runuser") is None:
        pytest.skip("PostgreSQL cannot run as root, and `runuser` is missing")
    shutil.chown(folder, "postgres", "postgres")
    return ["runuser", "-u", "postgres", "--"]


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of its own; skips where the binaries are missing."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server binaries are missing (Debian: `postgresql`)")
    folder = Path(tempfile.mkdtemp(prefix="stackc-pg-"))
    server = Postgres(free_port())
    prefix = _as_other_user(folder)
    secret = folder / "password"
    secret.write_text(server.password)
    secret.chmod(0o644)
    data = folder / "data"
    try:
        _call(
            [*prefix, str(binaries / "initdb"), "-D", str(data), "-U", server.user, "-A",
             "scram-sha-256", f"--pwfile={secret}", "--no-sync", "-E", "UTF8", "--locale=C"]
        )  # fmt: skip
        options = (
            f"-p {server.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
            "-c fsync=off -c max_connections=20 -c shared_buffers=16MB"
        )
        control = [*prefix, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
        _call([*control, "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield server
        finally:
            _call([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _call(command: list[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", check=False, timeout=60
    )
    if done.returncode:
        raise RuntimeError(f"{command[-1]}: {done.stderr.decode(errors='replace')[-800:]}")
