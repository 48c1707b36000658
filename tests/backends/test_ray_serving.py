"""Ray Serve: the serving suites, and what only a cluster can do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from backends.ray import BACKEND
from backends.ray.cluster import Cluster
from compiler.backend import Artifact, Backend, Settings
from tests.conformance.serving import ServingSuite
from tests.conformance.traffic import TrafficSuite
from tests.conformance.watching import WatchingSuite
from tests.ray_cluster import SMALL, lend

pytestmark = pytest.mark.xdist_group("ray")
Inputs = dict[str, Artifact]


@pytest.fixture(autouse=True)
def lent(tmp_path: Path, ray_cluster: Cluster) -> Iterator[None]:
    """The one cluster of all tests; its Serve stays from test to test."""
    lend(ray_cluster, tmp_path / ".stackc")
    yield


class TestRayServe(ServingSuite):
    """Serve behind HAProxy."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = SMALL


class TestWatchingRayServe(WatchingSuite):
    """Replicas record what they are asked."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = SMALL


class TestTrafficOnRayServe(TrafficSuite):
    """Updates under load."""

    backend: ClassVar[Backend] = BACKEND
    settings: ClassVar[Settings] = SMALL
