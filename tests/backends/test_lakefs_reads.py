"""Sources in lakeFS: read as one commit has them, and read again when what they name changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lakefs")

import lakefs

from backends.files import FilesSettings
from backends.files.inspect import inspect_files
from backends.files.read import observe_files, read_files
from backends.lakefs import LakefsServer
from backends.ray import BACKEND as RAY
from backends.ray import RaySettings
from compiler.backend import Look
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError
from compiler.engine.secrets import Secrets
from compiler.graph.operations import ReadFiles
from tests.house.tables import Rows, columns, context, rows_of, run_step
from tests.lakefs_double.contract import QUIET
from tests.lakefs_double.server import KEY, SECRET, Double, How
from tests.services import free_port

pytestmark = QUIET

PATH = "lakefs://air/main/data/flights.csv"
WANTED = columns(a="int64")


class Air:
    """A repository with flights, written by the SDK, and a project that reads from it."""

    def __init__(self, double: Double, folder: Path) -> None:
        client: Any = lakefs.Client
        made = client(host=double.endpoint, username=KEY, password=SECRET)
        self.repository: Any = lakefs.Repository("air", client=made)
        self.repository.create(storage_namespace="s3://lake/air")
        self.settings = FilesSettings(lakefs=LakefsServer(endpoint=double.endpoint, timeout=0.4))
        self.folder = folder

    def put(self, text: str, path: str = "data/flights.csv", branch: str = "main") -> None:
        """Put a file on a branch; it is not committed."""
        self.repository.branch(branch).object(path).upload(text.encode())

    def commit(self, text: str, path: str = "data/flights.csv") -> str:
        """Put a file on the main branch and commit it; the commit's id."""
        self.put(text, path)
        return str(self.repository.branch("main").commit("by hand").get_commit().id)

    def world(self, **more: Any) -> Any:
        """A task's context."""
        secret = Secrets(self.folder).resolve
        return context(self.folder, settings=self.settings, secret=secret, **more)

    def observed(self, path: str = PATH) -> str:
        """What a plan sees."""
        return observe_files(ReadFiles(path, "csv", WANTED), self.world())

    def rows(self, path: str = PATH, **more: Any) -> Rows:
        """What is read."""
        operation = ReadFiles(path, "csv", WANTED)
        return rows_of(read_files(operation, {}, self.world(**more)).files["table"])

    def refused(self, path: str = PATH, **more: Any) -> Diagnostic:
        """What reading says."""
        with pytest.raises(StackcError) as caught:
            self.rows(path, **more)
        (found,) = caught.value.diagnostics
        return found


@pytest.fixture
def air(double: Double, tmp_path: Path) -> Air:
    return Air(double, tmp_path)


def test_a_branch_is_read_as_it_is_committed(air: Air) -> None:
    air.commit("a\n1\n2\n")
    air.put("a\n9\n")
    assert air.rows() == [{"a": 1}, {"a": 2}]


def test_with_ray_it_is_read_by_who_has_the_secrets(air: Air) -> None:
    """No cluster is asked: the address names none."""
    air.commit("a\n1\n2\n")
    settings = RaySettings(address="127.0.0.1:1", lakefs=air.settings.lakefs)
    task = context(air.folder, settings=settings, secret=Secrets(air.folder).resolve)
    outcome = run_step(RAY, ReadFiles(PATH, "csv", WANTED), {}, task)
    assert rows_of(outcome.files["table"]) == [{"a": 1}, {"a": 2}]


def test_what_changes_on_the_branch_is_noticed(air: Air) -> None:
    air.commit("a\n1\n")
    before = air.observed()
    air.commit("x\n", "data/other.csv")
    assert air.observed() == before
    air.commit("a\n2\n")
    assert air.observed() != before
    assert air.rows() == [{"a": 2}]


def test_a_commit_and_a_tag_stay_what_they_are(air: Air) -> None:
    first = air.commit("a\n1\n")
    air.repository.tag("v1").create(first)
    pinned = [f"lakefs://air/{ref}/data/flights.csv" for ref in (first, "v1")]
    before = [air.observed(path) for path in pinned]
    air.commit("a\n2\n")
    assert [air.observed(path) for path in pinned] == before
    assert [air.rows(path) for path in pinned] == [[{"a": 1}]] * 2


def test_what_was_planned_with_is_what_is_read(air: Air) -> None:
    """Between plan and apply the branch moves: by another file, and then by this one."""
    air.commit("a\n1\n")
    planned = air.observed()
    air.commit("x\n", "data/other.csv")
    assert air.rows(observed=planned) == [{"a": 1}]
    air.commit("a\n2\n")
    found = air.refused(observed=planned)
    assert found.code is Code.PLAN_STALE
    assert f"`{PATH}` is no longer what the plan was made for" in found.message


def test_a_glob_is_read_in_the_order_of_names(air: Air) -> None:
    for at in (3, 1, 2):
        air.commit(f"a\n{at}\n", f"data/{at}.csv")
    air.commit("a\n9\n", "data/deeper/9.csv")
    assert air.rows("lakefs://air/main/data/*.csv") == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert len(air.rows("lakefs://air/main/**/*.csv")) == 4
    assert air.rows("lakefs://air/main/data/[23].csv") == [{"a": 2}, {"a": 3}]


def test_columns_are_inferred_from_it(air: Air) -> None:
    air.commit("a,b\n1,x\n")
    look = Look(air.folder, air.settings, Secrets(air.folder).resolve)
    found = inspect_files(PATH, "csv", (), look)
    assert [(c.name, str(c.type)) for c in found] == [("a", "int64"), ("b", "string")]


def test_messages_call_files_by_their_address(air: Air) -> None:
    air.commit("a\n1\nx\n")
    found = air.refused()
    assert found.code is Code.VALUE_TYPE
    assert f"`{PATH}` line 3" in found.message


@pytest.mark.parametrize(
    ("path", "message", "way"),
    [
        ("lakefs://air/main/data/flihgts.csv", "there is no file", "data/flights.csv`?"),
        ("lakefs://air/main/data/x*.csv", "no file matches", "data/flights.csv`?"),
        ("lakefs://air/mian/data/flights.csv", "no branch, tag or commit `mian`", "`main`?"),
        ("lakefs://nothing/main/data/flights.csv", "has no repository `nothing`", ""),
        ("lakefs://air/main", "names no file in lakeFS", "lakefs://repository/ref/path"),
        ("lakefs://air/main/", "names no file in lakeFS", "lakefs://repository/ref/path"),
        ("lakefs://AIR/main/x.csv", "names no file in lakeFS", "lakefs://repository/ref/path"),
        ("lakefs://air/../x.csv", "names no file in lakeFS", "lakefs://repository/ref/path"),
        ("lakefs://air//x.csv", "names no file in lakeFS", "lakefs://repository/ref/path"),
        ("s3://air/main/x.csv", "is no file on this machine", "lakefs://"),
    ],
)
def test_what_is_not_there_is_told(air: Air, path: str, message: str, way: str) -> None:
    air.commit("a\n1\n")
    found = air.refused(path)
    assert found.code is Code.SOURCE_MISSING
    assert message in found.message
    assert way in " ".join(found.help)


@pytest.mark.parametrize(
    ("how", "status", "message"),
    [
        ("refuse", 401, "answers 401"), ("refuse", 403, "answers 403"),
        ("refuse", 500, "answers 500"), ("slow", 200, "does not answer in time"),
        ("lost", 200, "broke off"), ("cut", 200, "broke off"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("operation", ["getCommit", "listObjects", "getObject"])
def test_a_server_that_fails_is_told(
    air: Air, double: Double, how: How, status: int, message: str, operation: str
) -> None:
    air.commit("a\n1\n")
    with double.fault(operation, how, status):
        found = air.refused()
    assert found.code is Code.CONNECTION
    assert message in found.message
    assert "published" not in " ".join(found.help)


def test_nobody_there(air: Air) -> None:
    air.settings = FilesSettings(lakefs=LakefsServer(endpoint=f"http://127.0.0.1:{free_port()}"))
    found = air.refused()
    assert found.code is Code.CONNECTION
    assert "does not answer" in found.message


def test_credentials_that_are_not_set(air: Air, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKEFS_ACCESS_KEY_ID")
    assert air.refused().code is Code.SECRET_MISSING
