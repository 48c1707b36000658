"""DVC in process: the suite in a repository of stackc's, and what a user's own one asks for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

pytest.importorskip("dvc")

from backends.dvc import BACKEND, DvcSettings
from compiler.backend import Backend, Settings
from compiler.codes import Code
from compiler.diagnostics import StackcError
from tests.conformance.bench import Bench
from tests.conformance.versions import PUBLISH, VersionsSuite, values


def root(bench: Bench) -> Path:
    own = bench.folder / ".stackc" / "dvc"
    return own if own.is_dir() else bench.folder


class DvcSuite(VersionsSuite):
    """What DVC itself says of the repository is what counts."""

    backend: ClassVar[Backend] = BACKEND

    @pytest.fixture
    def settings(self) -> Settings:
        return DvcSettings()

    def published(self, bench: Bench, name: str) -> list[int]:
        """What `dvc get` gives to somebody without the workspace: the data by the `.dvc` file."""
        folder = root(bench)
        file = folder / "versions" / f"{name}.parquet.dvc"
        md5 = yaml.safe_load(file.read_text())["outs"][0]["md5"]
        return values(folder / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:])

    def spoil(self, bench: Bench, name: str) -> None:
        path = root(bench) / "versions" / f"{name}.parquet"
        path.chmod(0o644)
        path.unlink()
        path.write_bytes(b"something else")

    def left(self, bench: Bench) -> list[str]:
        from dvc.repo import Repo

        with Repo(str(root(bench))) as repo:
            unclean = [*repo.status()]
        return [*unclean, *(str(path) for path in (bench.folder / ".stackc").glob("staged/*"))]


class TestOwnRepository(DvcSuite):
    """A repository without source control under ``.stackc``."""

    def test_nothing_is_written_outside_of_stackc(self, bench: Bench) -> None:
        self.publish(bench, [1], "op1")
        found = {path.name for path in bench.folder.iterdir()}
        assert found == {
            ".stackc",
            *(p.name for like in ("made*", "work*") for p in bench.folder.glob(like)),
        }


class TestUsersRepository(DvcSuite):
    """The project's own repository, under git."""

    @pytest.fixture
    def bench(self, tmp_path: Path, settings: Settings) -> Bench:
        return self.fresh(tmp_path, settings, "project")

    def fresh(self, tmp_path: Path, settings: Settings, name: str) -> Bench:
        from dvc.repo import Repo

        bench = super().fresh(tmp_path, settings, name)
        subprocess.run(["git", "init", "-q", str(bench.folder)], check=True)
        Repo.init(str(bench.folder)).close()
        return bench

    def test_git_is_to_track_the_dvc_file_and_not_the_data(self, bench: Bench) -> None:
        self.publish(bench, [1], "op1")
        shown = subprocess.run(
            ["git", "status", "--porcelain", "-uall", "versions"],
            cwd=bench.folder, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert f"versions/{PUBLISH.name}.parquet.dvc" in shown
        assert f"versions/{PUBLISH.name}.parquet\n" not in shown

    def test_a_remote_has_the_data_before_it_is_published(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        add_remote(bench, tmp_path / "far")
        bench.settings = DvcSettings(remote="far")
        self.publish(bench, [1], "op1")
        stored = [p for p in (tmp_path / "far").rglob("*") if p.is_file()]
        assert [values(path) for path in stored] == [[1]]

    def test_a_remote_that_is_not_there_publishes_nothing(self, bench: Bench) -> None:
        before = self.publish(bench, [1], "op1")
        bench.settings = DvcSettings(remote="nowhere")
        with pytest.raises(StackcError) as caught:
            self.publish(bench, [1, 2], "op2")
        (found,) = caught.value.diagnostics
        assert found.code is Code.VERSION_STORE
        assert "nowhere" in found.message
        assert self.target(bench).read(before.attributes, bench.context())

    def test_what_the_user_keeps_there_is_not_overwritten(self, bench: Bench) -> None:
        mine = bench.folder / "versions" / f"{PUBLISH.name}.parquet"
        mine.parent.mkdir()
        mine.write_bytes(b"mine")
        with pytest.raises(StackcError) as caught:
            self.publish(bench, [1], "op1")
        assert caught.value.diagnostics[0].code is Code.VERSION_STORE
        assert mine.read_bytes() == b"mine"

    @pytest.mark.parametrize("content", ["", "outs: [", "[]", "outs: []", "meta: {stackc: 3}"])
    def test_a_dvc_file_of_another_kind_is_told(self, bench: Bench, content: str) -> None:
        file = bench.folder / "versions" / f"{PUBLISH.name}.parquet.dvc"
        file.parent.mkdir()
        file.write_text(content)
        with pytest.raises(StackcError) as caught:
            self.publish(bench, [1], "op1")
        assert "was not written by stackc" in str(caught.value)
        assert file.read_text() == content

    def test_a_folder_outside_of_the_repository_is_refused(self, bench: Bench) -> None:
        bench.settings = DvcSettings(folder="../elsewhere")
        with pytest.raises(StackcError) as caught:
            self.publish(bench, [1], "op1")
        assert caught.value.diagnostics[0].code is Code.PATH_OUTSIDE

    def test_a_dvc_process_at_work_is_waited_for_and_then_told(self, bench: Bench) -> None:
        import zc.lockfile

        self.publish(bench, [1], "op1")
        held = zc.lockfile.LockFile(str(bench.folder / ".dvc" / "tmp" / "lock"))
        try:
            with pytest.raises(StackcError) as caught:
                self.publish(bench, [1, 2], "op2")
        finally:
            held.close()
        assert "another DVC process is at work" in str(caught.value)
        assert self.publish(bench, [1, 2], "op2").attributes["number"] == 2


def add_remote(bench: Bench, folder: Path) -> None:
    """A remote that is a folder."""
    from dvc.repo import Repo

    with Repo(str(bench.folder)) as repo, repo.config.edit() as config:
        config["remote"]["far"] = {"url": str(folder)}
