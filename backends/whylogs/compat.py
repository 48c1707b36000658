"""The one door to whylogs: quiet, offline and at home on numpy 2."""

from __future__ import annotations

import os
import warnings

import numpy as np

# Telemetry is on by default and is decided at the first import.
os.environ["WHYLOGS_NO_ANALYTICS"] = "1"

# whylogs 1.6.4 reads a name that numpy 2 removed; str_ is what it meant.
if not hasattr(np, "unicode_"):
    setattr(np, "unicode_", np.str_)  # noqa: B010

with warnings.catch_warnings():
    # What a pinned and unmaintained package deprecates is no news to a user.
    warnings.simplefilter("ignore")
    import whylogs_sketching as sketching  # type: ignore[import-not-found]
    from whylogs.core.metrics.column_metrics import ColumnCountsMetric, TypeCountersMetric
    from whylogs.core.metrics.metrics import (
        CardinalityMetric,
        DistributionMetric,
        FrequentItemsMetric,
    )
    from whylogs.core.preprocessing import PreprocessedColumn
    from whylogs.core.view.column_profile_view import ColumnProfileView
    from whylogs.core.view.dataset_profile_view import DatasetProfileView

__all__ = [
    "CardinalityMetric",
    "ColumnCountsMetric",
    "ColumnProfileView",
    "DatasetProfileView",
    "DistributionMetric",
    "FrequentItemsMetric",
    "PreprocessedColumn",
    "TypeCountersMetric",
    "sketching",
]
