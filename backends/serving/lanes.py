"""What is counted of each deployment: requests at work, and the metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backends.serving.deployed import Models
from backends.serving.replies import Reply

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Lanes:
    """The lanes of all deployments, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "stackc_requests",
            "Requests by status",
            ("deployment", "status"),
            registry=self.registry,
        )
        self._rows = Counter(
            "stackc_rows", "Rows predicted", ("deployment",), registry=self.registry
        )
        self._seconds = Histogram(
            "stackc_request_seconds",
            "From the request's head to its answer",
            ("deployment",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._at_work = Gauge(
            "stackc_requests_at_work", "At this moment", ("deployment",), registry=self.registry
        )
        self._revision = Gauge(
            "stackc_revision",
            "The revision that is served",
            ("deployment",),
            registry=self.registry,
        )
        self._rollouts = Rollouts()
        self.registry.register(self._rollouts)
        self._lanes: dict[str, Lane] = {}

    def lane(self, name: str) -> Lane:
        """The lane of a deployment, kept when its model is swapped."""
        found = self._lanes.get(name)
        if found is None:
            found = self._lanes[name] = Lane(
                name, self._requests, self._rows.labels(name), self._seconds.labels(name)
            )
        return found

    def exposition(self, models: Models) -> Reply:
        """What Prometheus reads."""
        self._revision.clear()
        self._rollouts.models = models
        for name, deployed in models.items():
            self._revision.labels(name).set(deployed.revision)
        for name, lane in self._lanes.items():
            self._at_work.labels(name).set(lane.at_work)
        kind = ((b"content-type", CONTENT_TYPE_LATEST.encode()),)
        return Reply(200, generate_latest(self.registry), kind)


class Rollouts(Collector):
    """What each revision has answered while a canary goes on; nothing where none does."""

    def __init__(self) -> None:
        self.models: Models | None = None

    def collect(self) -> Iterable[Metric]:
        """The revision that is tried, and requests by revision and status."""
        held = self.models.items() if self.models is not None else []
        canaries = [(name, one.revision, one.canary) for name, one in held if one.canary]
        tried = GaugeMetricFamily(
            "stackc_canary_revision", "The revision that is tried", labels=("deployment",)
        )
        requests = CounterMetricFamily(
            "stackc_revision_requests",
            "Requests by revision and status since the canary began",
            labels=("deployment", "revision", "status"),
        )
        for name, former, canary in canaries:
            number = canary.deployed.revision
            tried.add_metric((name,), number)
            for revision, measured in ((former, canary.former), (number, canary.new)):
                for status, count in sorted([*measured.statuses.items()]):
                    requests.add_metric((name, str(revision), str(status)), count)
        return (tried, requests) if canaries else ()


class Lane:
    """One deployment's: ``at_work`` is changed by the event loop's thread only."""

    def __init__(self, name: str, requests: Counter, rows: Counter, seconds: Histogram) -> None:
        self.at_work = 0
        self._name, self._requests = name, requests
        self._rows, self._seconds = rows, seconds
        self._statuses: dict[int, Counter] = {}

    def done(self, reply: Reply, started: float) -> None:
        """Count one request."""
        counter = self._statuses.get(reply.status)
        if counter is None:
            counter = self._requests.labels(self._name, str(reply.status))
            self._statuses[reply.status] = counter
        counter.inc()
        if reply.rows:
            self._rows.inc(reply.rows)
        self._seconds.observe(perf_counter() - started)
