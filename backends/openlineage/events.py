"""The events of a run: one START and one end for the run, and for every step that ran."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import NAMESPACE_URL, uuid5

from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.facet_v2 import DatasetFacet, JobFacet, RunFacet
from openlineage.client.generated import parent_run
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.serde import Serde

from backends.openlineage.columns import column_lineage
from backends.openlineage.datasets import Name, name_of, named, outside
from backends.openlineage.facets import (
    PRODUCER,
    STACKC,
    dataset_facets,
    job_facets,
    judged,
    statistics,
)
from compiler.engine.telling import RunTold, StepTold
from compiler.graph.node import Node
from compiler.graph.types import TableType

_ENDS = {"done": RunState.COMPLETE, "failed": RunState.FAIL}


def events_of(run: RunTold) -> list[str]:
    """The events as lines of JSON in the order in which things happened.

    Run ids come from the run and the address alone, so that what is told
    twice is known to be the same.
    """
    steps = [event for step in run.steps if _moves(run, step) for event in _step(run, step)]
    steps.sort(key=lambda event: event.eventTime)
    events = [_whole(run, RunState.START), *steps, _whole(run, _end(run.status))]
    return [Serde.to_json(event) for event in events]


def _moves(run: RunTold, step: StepTold) -> bool:
    """Whether data goes in or out: a channel that was noted is of no interest to anybody."""
    node = run.nodes[step.address]
    return bool(node.inputs or node.outputs)


def _end(status: str) -> RunState:
    return _ENDS.get(status, RunState.ABORT)


def _id(run: RunTold, *what: object) -> str:
    return str(
        uuid5(NAMESPACE_URL, "/".join(map(str, (PRODUCER[:10], run.project, run.id, *what))))
    )


def _job(run: RunTold) -> str:
    return f"{run.stack}.{run.command}"


def _whole(run: RunTold, state: RunState) -> RunEvent:
    """The event of the run itself."""
    facets: dict[str, JobFacet] = {"jobType": JobTypeJobFacet("BATCH", STACKC, "DAG")}
    return RunEvent(
        eventType=state,
        eventTime=run.began if state is RunState.START else run.ended,
        run=Run(_id(run)),
        job=Job(run.stack, _job(run), facets),
        inputs=[],
        outputs=[],
        producer=PRODUCER,
    )


def _step(run: RunTold, step: StepTold) -> Iterator[RunEvent]:
    node = run.nodes[step.address]
    run_id = _id(run, step.address, step.number)
    parent = parent_run.ParentRunFacet(
        parent_run.Run(_id(run)), parent_run.Job(run.stack, _job(run))
    )
    for state in (RunState.START, _end(step.status)):
        facets: dict[str, RunFacet] = {"parent": parent}
        if state is RunState.FAIL and step.messages:
            facets["errorMessage"] = ErrorMessageRunFacet("\n".join(step.messages), "python")
        starts = state is RunState.START
        yield RunEvent(
            eventType=state,
            eventTime=step.began if starts else step.ended,
            run=Run(run_id, facets),
            job=Job(run.stack, step.address, job_facets(node)),
            inputs=list(_inputs(run, node, step)),
            outputs=list(_outputs(run, node, step)) if state is RunState.COMPLETE else [],
            producer=PRODUCER,
        )


def _inputs(run: RunTold, node: Node, step: StepTold) -> Iterator[InputDataset]:
    """What the step reads, each once; what rules found stands with the table they judged."""
    found: dict[Name, str] = {}
    for name, ref in node.inputs:
        found.setdefault(named(run.stack, run.nodes, ref), name)
    read = outside(node)
    if read is not None:
        found[read] = ""
    for dataset, name in found.items():
        facets = judged(step.verdict) if step.verdict and name == "table" else {}
        yield InputDataset(dataset.namespace, dataset.name, inputFacets=facets)


def _outputs(run: RunTold, node: Node, step: StepTold) -> Iterator[OutputDataset]:
    for name, made in node.outputs:
        stored = step.outputs.get(name)
        facets: dict[str, DatasetFacet] = dataset_facets(made, stored)
        lineage = column_lineage(run.stack, run.nodes, node, made)
        if lineage is not None:
            facets["columnLineage"] = lineage
        dataset = name_of(run.stack, node, name)
        written = statistics(name, stored, step.summary, isinstance(made, TableType))
        yield OutputDataset(dataset.namespace, dataset.name, facets=facets, outputFacets=written)
