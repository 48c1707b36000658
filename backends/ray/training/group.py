"""A group of workers under Ray Train, put up again from its last checkpoint when one dies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from backends.ray import cluster, environment
from backends.ray.cluster import imported
from backends.ray.training.worker import STORY, Job, Report, work
from compiler.backend import TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.engine import durable

FAILURES = 3
"""How often a group is put up again before the training is given up."""


def fitted_by(size: int, job: Job, config: str, context: TaskContext) -> Report:
    """What ``size`` workers come to; ``config`` names how Ray connects them.

    A run that was cut off is gone on with: checkpoints lie in the project's
    state under the task's key until the fit is whole.

    Raises:
        StackcError: Its workers died too often (E711), or Ray cannot run them (E722).
        Exception: What the framework refused.
    """
    environment.take(environment.TRAINING)
    home = runs_of(context)
    try:
        found = _fit(size, job, config, home / f"{context.key}-{size}")
    except StackcError:
        raise
    except Exception:
        # What a framework refuses it refuses again.
        shutil.rmtree(home, ignore_errors=True)
        raise
    shutil.rmtree(home, ignore_errors=True)
    return found


def runs_of(context: TaskContext) -> Path:
    """The folder of a task's runs; what nobody can go on from is removed."""
    home = cluster.home(context.state).resolve() / "training" / context.address.replace("/", ".")
    durable.make_folder(home)
    for folder in home.iterdir():
        if not folder.name.startswith(f"{context.key}-") or not _sound(folder):
            shutil.rmtree(folder)
    return home


def _sound(folder: Path) -> bool:
    """Whether Ray can read what it wrote down of a run, and the checkpoints are there.

    It writes in place: who is killed meanwhile leaves half of it.
    """
    try:
        found = json.loads((folder / "checkpoint_manager_snapshot.json").read_bytes())
        names = [entry["checkpoint_dir_name"] for entry in found["checkpoint_results"]]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return all((folder / name / STORY).is_file() for name in names)


def _fit(size: int, job: Job, config: str, folder: Path) -> Report:
    train = imported("ray.train")
    trainer = imported("ray.train.v2.api.data_parallel_trainer").DataParallelTrainer(
        work,
        train_loop_config={"job": job},
        backend_config=_config(config),
        scaling_config=train.ScalingConfig(
            num_workers=size, resources_per_worker={"CPU": _processors(size)}
        ),
        run_config=train.RunConfig(
            name=folder.name,
            storage_path=str(folder.parent),
            failure_config=train.FailureConfig(max_failures=FAILURES, controller_failure_limit=5),
            checkpoint_config=train.CheckpointConfig(num_to_keep=1),
            logging_config=train.LoggingConfig(log_level="CRITICAL"),
        ),
    )
    try:
        found: Report = trainer.fit().return_value
    except train.WorkerGroupError as error:
        raise _cause(error) from None
    except (train.TrainingFailedError, imported("ray").exceptions.RayError) as error:
        raise _not_run(str(error)) from None
    return found


def _config(name: str) -> Any:
    """How Ray connects the workers."""
    module, _, kind = name.partition(":")
    return getattr(imported(module), kind)()


def _processors(size: int) -> float:
    """One for each worker, less where the cluster has not so many: they share them."""
    total = float(imported("ray").cluster_resources().get("CPU", 1.0))
    return min(1.0, int(total / size * 1000) / 1000)


def _cause(error: Any) -> Exception:
    """What a worker's framework said; that a worker died where nothing was said."""
    said = [getattr(one, "_base_exc", None) for one in error.worker_failures.values()]
    lost = [
        one for one, cause in zip(error.worker_failures.values(), said, strict=True) if not cause
    ]
    if not lost and isinstance(said[0], Exception):
        return said[0]
    lines = [line.strip() for line in str(lost[0] if lost else error).splitlines() if line.strip()]
    return fail(
        Code.WORKER_DIED,
        f"workers of the training died {FAILURES + 1} times",
        help=(
            "the system and Ray kill what uses too much memory: give it less data or more",
            "apply again: the training goes on from its last checkpoint",
        ),
        notes=tuple(line[:300] for line in lines[-1:]),
    )


def _not_run(said: str) -> StackcError:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return fail(
        Code.CLUSTER,
        f"Ray Train could not run the workers: {lines[-1][:300] if lines else 'it says nothing'}",
        help="every machine of the cluster needs the same stackc, with the framework that is"
        " trained, and has to see the project's folder",
    )
