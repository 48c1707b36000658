"""lakeFS: what a server may do to a publication is told, and nothing is half published."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("lakefs")

from backends.lakefs import BACKEND
from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError
from tests.backends.test_lakefs import TABLE, LakefsSuite, settings_of
from tests.conformance.bench import Bench
from tests.conformance.versions import OTHER, PUBLISH
from tests.lakefs_double.contract import QUIET
from tests.lakefs_double.server import Double, How
from tests.services import free_port

pytestmark = QUIET

SUITE = LakefsSuite()


class TestFaults:
    """What a server may do to a publication: it is told, and nothing is half published."""

    @pytest.fixture
    def bench(self, double: Double, tmp_path: Path) -> Bench:
        settings = settings_of(double.endpoint, timeout=0.5)
        return Bench(BACKEND, tmp_path, settings=settings)

    def failed(self, bench: Bench) -> Diagnostic:
        """Publish in vain; the version before is what readers see."""
        with pytest.raises(StackcError) as caught:
            SUITE.publish(bench, [1, 2], "op2")
        (found,) = caught.value.diagnostics
        assert found.code is Code.VERSION_STORE
        assert found.help[-1] == "the version that was published before stays in use"
        return found

    def ends_well(self, bench: Bench) -> None:
        """The next apply brings it to its end, once."""
        found = SUITE.target(bench).find("op2", bench.context())
        after = found or SUITE.publish(bench, [1, 2], "op2")
        assert after.attributes["number"] == 2
        assert SUITE.published(bench, PUBLISH.name) == [1, 2]
        assert [tag.id[-2:] for tag in SUITE.repository(bench).tags()] == ["-1", "-2"]
        assert SUITE.left(bench) == []

    @pytest.mark.parametrize(
        ("status", "way"),
        [
            (400, "what the server says"), (401, "check the secrets"), (403, "a policy"),
            (409, "apply again"), (412, "apply again"), (420, "check `endpoint`"),
            (429, "apply again later"), (500, "apply again"), (503, "apply again"),
        ],
    )  # fmt: skip
    def test_a_refusal_says_what_and_what_to_do(
        self, bench: Bench, double: Double, status: int, way: str
    ) -> None:
        SUITE.publish(bench, [1], "op1")
        with double.fault("uploadObject", "refuse", status):
            found = self.failed(bench)
        assert f"cannot take `{TABLE}`" in found.message
        assert f"`{double.endpoint}` answers {status}" in found.message
        assert way in found.help[0]
        self.ends_well(bench)

    @pytest.mark.parametrize("status", [401, 403, 500])
    def test_a_refusal_of_the_first_question(
        self, bench: Bench, double: Double, status: int
    ) -> None:
        SUITE.publish(bench, [1], "op1")
        with double.fault("*", "refuse", status):
            assert f"answers {status}: told to refuse" in self.failed(bench).message
        self.ends_well(bench)

    @pytest.mark.parametrize("status", [409, 412])
    def test_a_branch_that_always_moves(self, bench: Bench, double: Double, status: int) -> None:
        SUITE.publish(bench, [1], "op1")
        with double.fault("mergeIntoBranch", "refuse", status):
            assert "all the while" in self.failed(bench).message
        self.ends_well(bench)

    def test_a_branch_that_moves_once(self, bench: Bench, double: Double) -> None:
        SUITE.publish(bench, [1], "op1")
        with double.fault("mergeIntoBranch", "refuse", 412, times=1):
            SUITE.publish(bench, [1, 2], "op2")
        self.ends_well(bench)

    def test_questions_are_asked_again_of_a_server_that_stumbles(
        self, bench: Bench, double: Double
    ) -> None:
        with double.fault("getBranch", "refuse", 500, times=2):
            assert SUITE.publish(bench, [1], "op1").attributes["number"] == 1

    @pytest.mark.parametrize(
        "operation",
        ["deleteBranch", "createBranch", "uploadObject", "commit", "mergeIntoBranch", "createTag"],
    )
    def test_a_change_whose_answer_is_lost(
        self, bench: Bench, double: Double, operation: str
    ) -> None:
        SUITE.publish(bench, [1], "op1")
        with double.fault(operation, "lost", times=1), pytest.raises(StackcError) as caught:
            SUITE.publish(bench, [1, 2], "op2")
        assert "broke off" in caught.value.diagnostics[0].message
        self.ends_well(bench)

    @pytest.mark.parametrize("operation", ["getBranch", "getObject", "commit"])
    @pytest.mark.parametrize(
        ("how", "message"),
        [("cut", "broke off"), ("half", "something that lakeFS does not"),
         ("other", "something that lakeFS does not")],
    )  # fmt: skip
    def test_an_answer_that_is_none(
        self, bench: Bench, double: Double, operation: str, how: How, message: str
    ) -> None:
        SUITE.publish(bench, [1], "op1")
        with double.fault(operation, how), pytest.raises(StackcError) as caught:
            SUITE.publish(bench, [1, 2], "op2")
        (found,) = caught.value.diagnostics
        assert found.code is Code.VERSION_STORE
        assert operation == "getObject" or message in found.message
        assert SUITE.published(bench, PUBLISH.name) == [1]
        self.ends_well(bench)

    def test_an_object_that_is_stored_otherwise_is_not_merged(
        self, bench: Bench, double: Double, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        SUITE.publish(bench, [1], "op1")
        put = double.state.objects.put
        with monkeypatch.context() as patch:
            patch.setattr(double.state.objects, "put", lambda at, data: put(at, data[:-1] + b"?"))
            assert "does not give back what was written" in self.failed(bench).message
        assert SUITE.published(bench, PUBLISH.name) == [1]
        self.ends_well(bench)

    def test_a_server_that_is_slow(self, bench: Bench, double: Double) -> None:
        """The merge that was given up is done all the same: the next apply finds it."""
        SUITE.publish(bench, [1], "op1")
        with double.fault("mergeIntoBranch", "slow", times=1):
            found = self.failed(bench)
        assert "does not answer in time" in found.message
        assert "backends.version.timeout" in found.help[0]
        time.sleep(1)
        assert SUITE.published(bench, PUBLISH.name) == [1, 2]
        self.ends_well(bench)

    def test_nobody_there(self, bench: Bench, double: Double) -> None:
        applied = SUITE.publish(bench, [1], "op1")
        here, nowhere = bench.settings, f"http://127.0.0.1:{free_port()}"
        bench.settings = settings_of(nowhere)
        assert f"`{nowhere}` does not answer" in self.failed(bench).message
        with pytest.raises(StackcError):
            SUITE.target(bench).read(applied.attributes, bench.context())
        bench.settings = here
        self.ends_well(bench)

    def test_an_endpoint_that_is_none(self, bench: Bench) -> None:
        bench.settings = settings_of("http://[")
        assert "is no address" in self.failed(bench).message

    def test_wrong_credentials_are_not_shown(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LAKEFS_SECRET_ACCESS_KEY", "a-wrong-one-that-nobody-may-see")
        found = self.failed(bench)
        assert "answers 401" in found.message
        assert "a-wrong-one" not in str(found)

    def test_a_repository_that_is_not_there(self, bench: Bench, double: Double) -> None:
        bench.settings = settings_of(double.endpoint, storage_namespace=None)
        found = self.failed(bench)
        assert found.message.endswith("there is no repository `stackc`")
        assert "backends.version.storage_namespace" in found.help[0]

    def test_a_branch_that_is_not_there(self, bench: Bench, double: Double) -> None:
        SUITE.publish(bench, [1], "op1")
        bench.settings = settings_of(double.endpoint, branch="nowhere")
        assert "has no branch `nowhere`" in self.failed(bench).message

    def test_somebody_has_not_committed_yet(self, bench: Bench) -> None:
        SUITE.publish(bench, [1], "op1")
        main = SUITE.repository(bench).branch("main")
        main.object("notes.txt").upload(b"half a thought")
        assert "uncommitted changes" in self.failed(bench).message
        main.commit("the whole of it")
        self.ends_well(bench)

    def test_a_tag_of_somebody_else_is_passed_over(self, bench: Bench) -> None:
        SUITE.publish(bench, [1], "op1")
        for end in ("2", "2x", "x-9"):
            SUITE.repository(bench).tag(f"{PUBLISH.name}-{end}").create("main")
        assert SUITE.publish(bench, [1, 2], "op2").attributes["number"] == 3

    def test_a_tag_that_names_something_else_now_is_told(self, bench: Bench) -> None:
        """Whoever reads versions by their tags must not be given another table."""
        other = SUITE.publish(bench, [7], "op1", OTHER)
        applied = SUITE.publish(bench, [1], "op2")
        SUITE.publish(bench, [7, 8], "op3", OTHER)
        moved = SUITE.repository(bench).tag(applied.attributes["tag"])
        moved.delete()
        moved.create(other.attributes["commit"])
        assert not SUITE.target(bench).read(applied.attributes, bench.context())
        with pytest.raises(StackcError) as caught:
            SUITE.publish(bench, [1], "op4")
        assert "names something else" in caught.value.diagnostics[0].message
        moved.delete()
        assert SUITE.publish(bench, [1], "op4").attributes["number"] == 1
        assert SUITE.left(bench) == []

    @pytest.mark.parametrize("content", [b" ", b"{", b"[]", b'{"version": 3, "operation": "op1"}'])
    def test_a_record_that_is_damaged_is_no_version(self, bench: Bench, content: bytes) -> None:
        applied = SUITE.publish(bench, [1], "op1")
        main = SUITE.repository(bench).branch("main")
        main.object(f"stackc/{PUBLISH.name}/version.json").upload(content)
        main.commit("by hand")
        assert not SUITE.target(bench).read(applied.attributes, bench.context())
        again = SUITE.publish(bench, [1], "op2")
        assert again.attributes["number"] == 2
        assert SUITE.target(bench).read(again.attributes, bench.context())
