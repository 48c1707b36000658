"""The local backend trains, evaluates and scores as every backend must."""

from __future__ import annotations

from backends.local import BACKEND
from tests.conformance.training import TrainingSuite


class TestLocal(TrainingSuite):
    backend = BACKEND
