"""lakeFS: the suite over a double that is held to lakeFS's own document, and over a real server."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("lakefs")

import lakefs

from backends.lakefs import BACKEND, LakefsSettings
from compiler.backend import Applied, Backend, Settings
from compiler.diagnostics import StackcError
from compiler.engine.secrets import Secrets
from tests.conformance.bench import Bench
from tests.conformance.versions import OTHER, PUBLISH, VersionsSuite, broken, verdict
from tests.lakefs_double.contract import QUIET
from tests.lakefs_double.server import Double
from tests.lakefs_server import running

pytestmark = QUIET

TABLE = f"stackc/{PUBLISH.name}/table.parquet"


def settings_of(endpoint: str, namespace: str = "s3://lake/one", **changed: Any) -> LakefsSettings:
    """Settings that reach a server, waiting not too long."""
    plain = LakefsSettings(endpoint=endpoint, timeout=5, storage_namespace=namespace)
    return plain.model_copy(update=changed)


class LakefsSuite(VersionsSuite):
    """What the repository's own branches, tags and objects say is what counts."""

    backend: ClassVar[Backend] = BACKEND
    fewest: ClassVar[int] = 12

    def repository(self, bench: Bench) -> Any:
        """The repository by the SDK alone."""
        settings, secret = bench.settings, Secrets(bench.folder).resolve
        assert isinstance(settings, LakefsSettings)
        client: Any = lakefs.Client
        found = client(
            host=settings.endpoint,
            username=secret(settings.access_key_id),
            password=secret(settings.secret_access_key),
        )
        return lakefs.Repository(settings.repository, client=found)

    def fresh(self, tmp_path: Path, settings: Settings, name: str) -> Bench:
        """A repository of its own, too."""
        assert isinstance(settings, LakefsSettings)
        own = {"repository": f"{settings.repository}-{name}"}
        if settings.storage_namespace is not None:
            own["storage_namespace"] = f"{settings.storage_namespace}-{name}"
        return super().fresh(tmp_path, settings.model_copy(update=own), name)

    def published(self, bench: Bench, name: str) -> list[int]:
        return self.at(bench, "main", f"stackc/{name}/table.parquet")

    def at(self, bench: Bench, ref: str, path: str) -> list[int]:
        """The values of a table as a ref has it."""
        content = self.repository(bench).ref(ref).object(path).reader("rb").read()
        found: list[int] = pq.read_table(pa.BufferReader(content))["a"].to_pylist()
        return found

    def spoil(self, bench: Bench, name: str) -> None:
        main = self.repository(bench).branch("main")
        main.object(f"stackc/{name}/table.parquet").upload(b"something else")
        main.commit("by hand")

    def left(self, bench: Bench) -> list[str]:
        found = [branch.id for branch in self.repository(bench).branches()]
        return [name for name in found if name != "main"]

    def rejected(self, bench: Bench, told: str) -> list[int]:
        found = re.search(r"lakefs://([^/]+)/([^/]+)/(\S+)", told)
        assert found is not None
        return self.at(bench, found[2], found[3])

    def test_a_version_is_a_tag_that_says_what_it_is(self, bench: Bench) -> None:
        first = self.publish(bench, [1], "op1")
        self.publish(bench, [1, 2], "op2")
        repository = self.repository(bench)
        assert [tag.id for tag in repository.tags()] == [f"{PUBLISH.name}-{n}" for n in (1, 2)]
        assert self.at(bench, f"{PUBLISH.name}-1", TABLE) == [1]
        commit = repository.ref(f"{PUBLISH.name}-1").get_commit()
        assert commit.id == first.attributes["commit"]
        assert commit.metadata["stackc.operation"] == "op1"
        assert commit.metadata["stackc.digest"] == first.attributes["digest"]

    def test_a_blocked_branch_says_what_is_wrong_with_it(self, bench: Bench) -> None:
        judged = verdict(bench, broken("distance"), broken("delay"))
        with pytest.raises(StackcError) as caught:
            self.publish(bench, [1, 2], "op1", verdict=judged)
        (branch,) = self.left(bench)
        assert f"the branch `{branch}`" in caught.value.diagnostics[0].help[-1]
        commit = self.repository(bench).ref(branch).get_commit()
        assert commit.metadata["stackc.broken"] == "distance, delay"

    def test_two_at_once_for_two_names(self, bench: Bench) -> None:
        first, other = self.together(
            lambda: self.publish(bench, [1], "op1"), lambda: self.publish(bench, [7], "op2", OTHER)
        )
        assert (first.attributes["number"], other.attributes["number"]) == (1, 1)
        assert self.published(bench, PUBLISH.name) == [1]
        assert self.published(bench, OTHER.name) == [7]
        assert self.left(bench) == []

    def test_two_at_once_for_one_name(self, tmp_path: Path, settings: Settings) -> None:
        """Two projects that publish to one place: one after the other, and nothing is lost."""
        benches = [Bench(self.backend, tmp_path / name, settings=settings) for name in "ab"]
        for bench in benches:
            bench.folder.mkdir()
        self.publish(benches[0], [0], "op0")
        made = self.together(
            *(lambda at=at: self.publish(benches[at], [at + 1], f"op{at + 1}") for at in (0, 1))
        )
        numbers = sorted(applied.attributes["number"] for applied in made)
        assert numbers == [2, 3]
        assert self.left(benches[0]) == []
        for at, applied in enumerate(made):
            assert self.at(benches[0], applied.attributes["tag"], TABLE) == [at + 1]

    def together(self, *work: Any) -> list[Applied]:
        """Do it side by side."""
        made: list[Any] = [None] * len(work)

        def do(at: int) -> None:
            try:
                made[at] = work[at]()
            except BaseException as error:
                made[at] = error

        threads = [threading.Thread(target=do, args=(at,)) for at in range(len(work))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for found in made:
            if isinstance(found, BaseException):
                raise found
        return made


class TestDouble(LakefsSuite):
    """Objects go through the server."""

    @pytest.fixture
    def settings(self, double: Double) -> Settings:
        return settings_of(double.endpoint)


class TestRealServer(LakefsSuite):
    """A lakeFS that runs, where there is one."""

    @pytest.fixture
    def settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
        with running(tmp_path) as server:
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            name = f"stackc-{uuid4().hex[:8]}"
            yield settings_of(server.endpoint, server.namespace, repository=name, timeout=30)
            client: Any = lakefs.Client
            made = client(
                host=server.endpoint,
                username=server.access_key_id,
                password=server.secret_access_key,
            )
            for repository in lakefs.repositories(client=made, prefix=name):
                repository.delete()


def test_objects_go_straight_to_s3_where_the_server_signs(signing: Double, tmp_path: Path) -> None:
    suite, bench = LakefsSuite(), Bench(BACKEND, tmp_path, settings=settings_of(signing.endpoint))
    suite.publish(bench, [1], "op1")
    suite.publish(bench, [1, 2], "op2")
    assert suite.published(bench, PUBLISH.name) == [1, 2]
    assert suite.left(bench) == []
    assert "linkPhysicalAddress" in signing.calls
    assert "uploadObject" not in signing.calls


@pytest.mark.parametrize("key", ["access_key_id", "secret_access_key"])
def test_credentials_are_references_and_nothing_else(key: str) -> None:
    """Settings are kept in the state: a value there would be a secret told."""
    with pytest.raises(ValueError, match="only a reference"):
        LakefsSettings.model_validate({key: "AKIA0123456789"})
