"""A real lakeFS for tests: one that the environment names, or one of the tests' own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.services import free_port

_ABSENT = "no lakeFS: there is no `lakefs` on the PATH, and LAKEFS_ENDPOINT names no server"


@dataclass(frozen=True)
class Lakefs:
    """Where it is, who may write there, and where a repository's data may go."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    namespace: str

    @property
    def environment(self) -> Mapping[str, str]:
        """The secrets as the backend's settings refer to them."""
        return {
            "LAKEFS_ACCESS_KEY_ID": self.access_key_id,
            "LAKEFS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


@contextmanager
def running(folder: Path) -> Iterator[Lakefs]:
    """The server of LAKEFS_ENDPOINT, else a new one; the test is skipped where there is neither.

    A server that is named wants LAKEFS_ACCESS_KEY_ID, LAKEFS_SECRET_ACCESS_KEY and
    LAKEFS_NAMESPACE (where its repositories' data may go, such as s3://bucket/tests).
    """
    given = os.environ
    if "LAKEFS_ENDPOINT" in given:
        yield Lakefs(
            given["LAKEFS_ENDPOINT"], given["LAKEFS_ACCESS_KEY_ID"],
            given["LAKEFS_SECRET_ACCESS_KEY"], f"{given['LAKEFS_NAMESPACE']}/{uuid4().hex}",
        )  # fmt: skip
        return
    program = shutil.which("lakefs")
    if program is None:
        pytest.skip(_ABSENT)
    port = free_port()
    server = Lakefs(f"http://127.0.0.1:{port}", "AKIASTACKCTESTS", uuid4().hex, "local://tests")
    with (folder / "lakefs.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "run"], env={**given, **_settings(server, port, folder)},
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
        try:
            _wait(server.endpoint, folder / "lakefs.log")
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _settings(server: Lakefs, port: int, folder: Path) -> dict[str, str]:
    return {
        "LAKEFS_LISTEN_ADDRESS": f"127.0.0.1:{port}",
        "LAKEFS_DATABASE_TYPE": "local",
        "LAKEFS_DATABASE_LOCAL_PATH": str(folder / "metadata"),
        "LAKEFS_BLOCKSTORE_TYPE": "local",
        "LAKEFS_BLOCKSTORE_LOCAL_PATH": str(folder / "data"),
        "LAKEFS_AUTH_ENCRYPT_SECRET_KEY": "for-tests-only",
        "LAKEFS_INSTALLATION_USER_NAME": "tests",
        "LAKEFS_INSTALLATION_ACCESS_KEY_ID": server.access_key_id,
        "LAKEFS_INSTALLATION_SECRET_ACCESS_KEY": server.secret_access_key,
        "LAKEFS_STATS_ENABLED": "false",
        "LAKEFS_SECURITY_CHECK_LATEST_VERSION": "false",
    }


def _wait(endpoint: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{endpoint}/_health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(log.read_text("utf-8", "replace")[-2000:])
