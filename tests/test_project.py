"""The project's own files: what is pinned, what continuous integration runs."""

from __future__ import annotations

import re
import subprocess
import tomllib

from tests.house.cli import ROOT

NAME = re.compile(r"^[A-Za-z0-9._-]+")


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    """Every version of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): version for name, version in pairs}


def wanted() -> set[str]:
    """Every package that pyproject.toml names, extras of our own left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    names = {normal(match[0]) for line in lines if (match := NAME.match(line))}
    return names - {"stackc"}


def test_every_dependency_is_pinned() -> None:
    assert wanted() <= set(pinned()), "run `make constraints`"


def test_nothing_heavy_comes_in_by_the_way() -> None:
    assert not {"tensorflow", "xgboost"} & set(pinned())
    assert not [name for name in pinned() if name.startswith("nvidia")]


def test_continuous_integration_runs_what_the_readme_says() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    commands = [line for line in script.read_text().splitlines() if line and line[0] != "#"]
    assert commands[-1] == "exec make test"
    assert "make test" in (ROOT / "README.md").read_text("utf-8")


def test_make_lists_its_commands() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for command in ("demo", "test", "lint", "soak", "bench", "constraints", "cases-update"):
        assert re.search(rf"^{command}\b", said.stdout, re.MULTILINE)
