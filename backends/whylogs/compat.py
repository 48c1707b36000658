"""The one door to whylogs: quiet, offline, at home on numpy 2, and quick to open."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

UNUSED = ("pandas", "scipy", "sklearn")
"""What whylogs imports if it can and does without if not; nothing of it is used here."""


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Let imports of these packages fail, and put back those that were there.

    For the whole process, for half a second: tasks run in workers of their
    own, so no other thread is importing meanwhile.
    """
    packages = tuple(f"{name}." for name in names)
    kept: dict[str, ModuleType] = {
        name: module
        for name, module in sys.modules.items()
        if name in names or name.startswith(packages)
    }
    for name in [*kept, *names]:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in [*kept, *names]:
            sys.modules.pop(name, None)
        sys.modules.update(kept)


# Telemetry is on by default and is decided at the first import.
os.environ["WHYLOGS_NO_ANALYTICS"] = "1"

# whylogs 1.6.4 reads a name that numpy 2 removed; str_ is what it meant.
if not hasattr(np, "unicode_"):
    setattr(np, "unicode_", np.str_)  # noqa: B010

with warnings.catch_warnings(), _hidden(UNUSED):
    # What a pinned and unmaintained package deprecates is no news to a user.
    warnings.simplefilter("ignore")
    import whylogs_sketching as sketching  # type: ignore[import-not-found]
    from whylogs.core.metrics.column_metrics import ColumnCountsMetric, TypeCountersMetric
    from whylogs.core.metrics.metrics import (
        CardinalityMetric,
        DistributionMetric,
        FrequentItemsMetric,
        MetricConfig,
    )
    from whylogs.core.preprocessing import PreprocessedColumn
    from whylogs.core.view.column_profile_view import ColumnProfileView
    from whylogs.core.view.dataset_profile_view import DatasetProfileView

    # The first profile that is read would import what is optional beside it.
    ColumnProfileView.deserialize(ColumnProfileView(metrics={}).serialize())

__all__ = [
    "CardinalityMetric",
    "ColumnCountsMetric",
    "ColumnProfileView",
    "DatasetProfileView",
    "DistributionMetric",
    "FrequentItemsMetric",
    "MetricConfig",
    "PreprocessedColumn",
    "TypeCountersMetric",
    "sketching",
]
