"""The whylogs backend: profiles of tables as sketches, and the distance between two of them."""

from __future__ import annotations

from compiler.backend import Backend, Lowering
from compiler.graph.operations import CompareProfiles, Profile

BACKEND = Backend(
    name="whylogs",
    lowerings={
        Profile: Lowering("backends.whylogs.profile:profile", isolation="process"),
        CompareProfiles: Lowering("backends.whylogs.drift:compare", isolation="process"),
    },
    requires=("whylogs",),
    extra="whylogs",
    services={"summarise_profile": "backends.whylogs.statistics:summarise_profile"},
)
