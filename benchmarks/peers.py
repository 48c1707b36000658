"""What users would pick instead, on work of the same size, each in its own environment.

A peer that does not install is skipped by name. Environments are kept in
``benchmarks/out/peers`` for the next run.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROOT, Result, Run, median_of, process

UNITS = 1_000
STAGES = 100
"""Of DVC fewer: its first run of a thousand takes a quarter of an hour."""
ENVIRONMENTS = ROOT / "benchmarks" / "out" / "peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool: what installs it, how a project for it is written, what is run in it."""

    name: str
    packages: tuple[str, ...]
    write: Callable[[Path], None]
    first: tuple[str, ...] | None
    measured: tuple[str, ...]
    what: str


def write_dbt(project: Path) -> None:
    """A thousand models, each a query over one before it."""
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text(
        "name: peer\nversion: '1.0.0'\nprofile: peer\nmodel-paths: [models]\n", "utf-8"
    )
    (project / "profiles.yml").write_text(
        "peer:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: peer.db}\n", "utf-8"
    )
    for n in range(UNITS):
        source = f"{{{{ ref('m{n - 1}') }}}}" if n % 10 else "(select 1 as id)"
        (project / "models" / f"m{n}.sql").write_text(f"select * from {source} t\n", "utf-8")


def write_sqlmesh(project: Path) -> None:
    """A thousand views, each a query over one before it."""
    (project / "models").mkdir(parents=True)
    (project / "config.yaml").write_text(
        "gateways:\n  local:\n    connection: {type: duckdb, database: peer.db}\n"
        "default_gateway: local\n"
        "model_defaults: {dialect: duckdb, start: '2024-01-01'}\n",
        "utf-8",
    )
    for n in range(UNITS):
        source = f"peer.m{n - 1}" if n % 10 else "(select 1 as id)"
        (project / "models" / f"m{n}.sql").write_text(
            f"MODEL (name peer.m{n}, kind VIEW);\nselect id, id + {n} as n{n} from {source} t\n",
            "utf-8",
        )


def write_dvc(project: Path) -> None:
    """Stages that write a small file each."""
    project.mkdir(parents=True)
    stages = [
        f"  s{n}:\n    cmd: echo {n} > o{n}.txt\n    outs: [o{n}.txt]\n" for n in range(STAGES)
    ]
    (project / "dvc.yaml").write_text("stages:\n" + "".join(stages), "utf-8")


def write_kfp(project: Path) -> None:
    """A pipeline of a thousand tasks of one component."""
    project.mkdir(parents=True)
    (project / "pipeline.py").write_text(
        "from kfp import compiler, dsl\n\n"
        "@dsl.component\ndef work(n: int) -> int:\n    return n + 1\n\n"
        "@dsl.pipeline(name='peer')\ndef pipeline():\n"
        f"    for n in range({UNITS}):\n        work(n=n)\n\n"
        "compiler.Compiler().compile(pipeline, 'pipeline.yaml')\n",
        "utf-8",
    )


PEERS = (
    Peer(
        "dbt",
        # Later ones fetch a part of themselves from elsewhere when they are built.
        ("dbt-core<1.11", "dbt-duckdb<1.11"),
        write_dbt,
        ("bin/dbt", "parse", "--profiles-dir", "."),
        ("bin/dbt", "parse", "--profiles-dir", "."),
        f"parse {UNITS:,} models, unchanged",
    ),
    Peer(
        "sqlmesh",
        ("sqlmesh[duckdb]",),
        write_sqlmesh,
        ("bin/sqlmesh", "plan", "--auto-apply", "--no-prompts", "--skip-tests"),
        ("bin/sqlmesh", "plan", "--no-prompts", "--skip-tests"),
        f"plan {UNITS:,} models, nothing to do",
    ),
    Peer(
        "dvc",
        ("dvc",),
        write_dvc,
        ("bin/dvc", "repro", "--quiet"),
        ("bin/dvc", "repro", "--quiet"),
        f"repro {STAGES:,} stages, nothing to do",
    ),
    Peer(
        "kfp",
        ("kfp>=2.16,<2.17",),
        write_kfp,
        None,
        ("bin/python", "pipeline.py"),
        f"compile {UNITS:,} tasks",
    ),
)


def run(folder: Path) -> list[Result]:
    """Every peer that installs."""
    found: list[Result] = []
    for peer in PEERS:
        try:
            found += _measured(peer, folder / peer.name)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"{peer.name} is left out: {str(error).strip().splitlines()[0]}")
    return found


def _measured(peer: Peer, project: Path) -> list[Result]:
    environment = _environment(peer)
    peer.write(project)
    if peer.name == "dvc":
        _run(environment, ("bin/dvc", "init", "--no-scm", "--quiet"), project)
    if peer.first:
        _run(environment, peer.first, project)
    done = median_of(3, lambda: _run(environment, peer.measured, project))
    return [Result("peers", f"{peer.name}: {peer.what}", done.seconds, "s")]


def _run(environment: Path, command: tuple[str, ...], project: Path) -> Run:
    program, *arguments = command
    quiet = {"DVC_NO_ANALYTICS": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    return process([str(environment / program), *arguments], project, quiet)


def _environment(peer: Peer) -> Path:
    folder = ENVIRONMENTS / peer.name
    if not (folder / "ready").exists():
        print(f"installing {peer.name} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *peer.packages], check=True)
        (folder / "ready").touch()
    return folder
