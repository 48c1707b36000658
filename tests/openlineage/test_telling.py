"""Runs are told to a log or an endpoint, and no endpoint makes an apply fail or wait."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import backends.local.sending as sending
from compiler.engine import journal
from compiler.engine.project import open_project
from compiler.engine.telling import untold
from compiler.pipeline import compile_spec
from tests.backends.test_notify import webhook
from tests.house.cli import stackc
from tests.openlineage.contract import complaints

SPEC = """\
stackc: 1
name: shop
sources:
  people:
    path: people.csv
    columns:
      id: {type: int64, nullable: false}
      mail: {type: string, tags: [pii.email]}
validation:
  people:
    - not_null: [id]
    - matches: {mail: "^[^@]+@[^@]+$"}
      on_failure: MODE
datasets:
  masked:
    from: people
    clean:
      - hash: {columns: [mail], key: "${secret:SALT}"}
notifications:
  lineage:
    WHERE
    format: openlineage
"""
SALT = "hunter2-hunter2-hunter2"
PRIVATE = "ada-lovelace"
ENVIRONMENT = {"STACKC_SECRET_SALT": SALT, "STACKC_SECRET_TOKEN": "hunter2-token"}


def lay(folder: Path, where: str = "log: true", mode: str = "warn") -> Path:
    spec = folder / "stack.yaml"
    spec.write_text(SPEC.replace("WHERE", where).replace("MODE", mode), "utf-8")
    (folder / "people.csv").write_text(f"id,mail\n1,a@b.no\n2,{PRIVATE}\n", "utf-8")
    return spec


def apply(folder: Path) -> Any:
    return stackc("apply", "stack.yaml", "--yes", cwd=folder, environment=ENVIRONMENT)


def kept(folder: Path) -> list[Any]:
    path = folder / ".stackc" / "openlineage" / "lineage.jsonl"
    return list(map(json.loads, path.read_text("utf-8").splitlines())) if path.is_file() else []


def logged(folder: Path) -> list[Any]:
    text = (folder / ".stackc" / "openlineage.jsonl").read_text("utf-8")
    return list(map(json.loads, text.splitlines()))


def states(events: list[Any]) -> set[tuple[str, str]]:
    return {(event["job"]["name"], event["eventType"]) for event in events}


def test_a_run_is_told_to_the_log_without_secrets_and_private_values(tmp_path: Path) -> None:
    lay(tmp_path)
    assert apply(tmp_path).code == 0
    events = logged(tmp_path)
    assert [found for event in events for found in complaints(event)] == []
    assert ("datasets.masked/clean", "COMPLETE") in states(events)
    assert ("notifications.lineage/channel", "START") not in states(events)
    for word in (SALT, PRIVATE):
        assert word not in json.dumps(events)


def test_a_run_without_anything_to_do_tells_nothing(tmp_path: Path) -> None:
    lay(tmp_path)
    apply(tmp_path)
    before = logged(tmp_path)
    assert apply(tmp_path).code == 0
    assert logged(tmp_path) == before


def test_only_what_ran_is_told(tmp_path: Path) -> None:
    spec = lay(tmp_path)
    apply(tmp_path)
    before = len(logged(tmp_path))
    spec.write_text(spec.read_text("utf-8").replace("mail]", "mail, id]"), "utf-8")
    assert apply(tmp_path).code == 0
    jobs = {event["job"]["name"] for event in logged(tmp_path)[before:]}
    assert jobs == {
        "shop.apply",
        "datasets.masked/clean",
        "datasets.masked/publish",
        "datasets.masked/profile",
    }


def test_a_failure_is_told_without_the_values_that_broke_it(tmp_path: Path) -> None:
    lay(tmp_path, mode="block")
    assert apply(tmp_path).code == 1
    events = logged(tmp_path)
    assert {("sources.people/publish", "FAIL"), ("shop.apply", "FAIL")} <= states(events)
    assert PRIVATE not in json.dumps(events)
    assert [found for event in events for found in complaints(event)] == []


def test_an_endpoint_gets_each_event_with_its_headers(tmp_path: Path) -> None:
    with webhook() as seen:
        where = f"url: {seen.url}/api/v1/lineage\n    headers: {{X-Key: '${{secret:TOKEN}}'}}"
        lay(tmp_path, where)
        answer = apply(tmp_path)
    assert (answer.code, "W701" in answer.text) == (0, False)
    events = [json.loads(body) for _, _, body in seen.requests]
    assert ("datasets.masked/clean", "COMPLETE") in states(events)
    path, headers, _ = seen.requests[0]
    assert path == "/api/v1/lineage"
    assert (headers["Content-Type"], headers["X-Key"]) == ("application/json", "hunter2-token")
    assert kept(tmp_path) == []


def test_what_a_dead_endpoint_misses_is_kept_and_sent_in_order(tmp_path: Path) -> None:
    with webhook() as seen:
        url = seen.url
    spec = lay(tmp_path, f"url: {url}/api/v1/lineage")
    answer = apply(tmp_path)
    assert answer.code == 0
    assert "warning[W701]" in answer.text
    waiting = kept(tmp_path)
    assert f"{len(waiting)} events are kept" in answer.text
    with webhook() as living:
        spec.write_text(spec.read_text("utf-8").replace(url, living.url), "utf-8")
        assert apply(tmp_path).code == 0
    sent = [json.loads(body) for _, _, body in living.requests]
    assert sent[: len(waiting)] == waiting
    assert kept(tmp_path) == []


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    monkeypatch.setattr(sending, "SECONDS", 0.4)
    yield 0.4


def test_a_slow_endpoint_is_not_waited_for(
    tmp_path: Path, hurried: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*arguments: Any) -> None:
        time.sleep(0.15)

    monkeypatch.setattr(sending, "post", slow)
    lay(tmp_path, "url: http://127.0.0.1:1/")
    answer = apply(tmp_path)
    assert answer.code == 0
    assert "was not told all: 0.4 s were over" in answer.text
    left = len(kept(tmp_path))
    assert left > 0
    apply(tmp_path)
    assert 0 < len(kept(tmp_path)) < left


@pytest.mark.parametrize("status", [401, 404, 500, 302])
def test_an_endpoint_that_says_no_to_everything_gets_it_later(tmp_path: Path, status: int) -> None:
    with webhook(status) as seen:
        lay(tmp_path, f"url: {seen.url}")
        answer = apply(tmp_path)
    assert (answer.code, len(seen.requests)) == (0, 1)
    assert f"answered {status}" in answer.text
    assert kept(tmp_path)


def test_an_event_that_is_refused_does_not_stand_in_the_way_of_others(tmp_path: Path) -> None:
    with webhook(422) as seen:
        lay(tmp_path, f"url: {seen.url}")
        answer = apply(tmp_path)
    assert answer.code == 0
    assert f"{len(seen.requests)} are given up" in answer.text
    assert len(seen.requests) > 10
    assert kept(tmp_path) == []


def test_a_secret_that_is_missing_keeps_the_events(tmp_path: Path) -> None:
    lay(tmp_path, "url: http://127.0.0.1:1/${secret:NOWHERE}")
    answer = apply(tmp_path)
    assert answer.code == 0
    assert "W701" in answer.text
    assert "NOWHERE" in answer.text
    assert kept(tmp_path)


def test_what_is_kept_is_bounded_and_the_newest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST", 5000)
    lay(tmp_path, "url: http://127.0.0.1:1/")
    answer = apply(tmp_path)
    assert "are given up" in answer.text
    left = kept(tmp_path)
    assert 0 < len(left) < 10
    assert ("shop.apply", "COMPLETE") in states(left)


def test_a_run_that_was_cut_short_is_told_with_the_next(tmp_path: Path) -> None:
    spec = lay(tmp_path)
    apply(tmp_path)
    compiled = compile_spec(spec)
    with open_project(tmp_path, write=True) as project:
        row = project.nodes()["datasets.masked/clean"]
        with project.state.transaction(changes=False):
            project.state.execute("UPDATE runs SET status = 'running', ended = NULL")
        run = project.runs(1)[0]
        journal.begin(project.state, run.id, "run", row)
        # The next run, begun while the one before it has no end.
        project.state.execute(
            "INSERT INTO runs SELECT number + 1, 'next', command, stack, graph, began, ended,"
            " 'done', counts, messages FROM runs"
        )
        told = untold(project, compiled.graph)
    assert [(run.status, run.id == "next") for run in told] == [("running", False), ("done", True)]
    last = [step for step in told[0].steps if step.address == "datasets.masked/clean"][-1]
    assert last.status == "interrupted"


def test_sweeps_are_not_told(tmp_path: Path) -> None:
    lay(tmp_path)
    answer = stackc("apply", "stack.yaml", "-m", "validation.people.1.on_failure=warn,quarantine",
                    cwd=tmp_path, environment=ENVIRONMENT)  # fmt: skip
    assert answer.code == 0, answer.text
    assert not (tmp_path / ".stackc" / "openlineage.jsonl").exists()


def test_without_the_package_the_notification_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.local._installed", lambda module: module != "openlineage")
    lay(tmp_path)
    answer = stackc("compile", "stack.yaml", cwd=tmp_path)
    assert answer.code == 1
    assert "error[E502]" in answer.text
    assert "pip install 'stackc[openlineage]'" in answer.text


def test_the_variable_of_openlineage_s_clients_may_name_the_endpoint(tmp_path: Path) -> None:
    with webhook() as seen:
        lay(tmp_path, "url: ${env:OPENLINEAGE_URL}/api/v1/lineage")
        answer = stackc("apply", "stack.yaml", "--yes", cwd=tmp_path,
                        environment={**ENVIRONMENT, "OPENLINEAGE_URL": seen.url})  # fmt: skip
    assert answer.code == 0, answer.text
    assert seen.requests[0][0] == "/api/v1/lineage"


def test_a_destroyed_stack_keeps_what_was_told(tmp_path: Path) -> None:
    lay(tmp_path)
    apply(tmp_path)
    before = logged(tmp_path)
    assert stackc("destroy", "stack.yaml", "--yes", cwd=tmp_path, environment=ENVIRONMENT).code == 0
    assert logged(tmp_path) == before
