"""What a node can do: one frozen class an operation, its fields its pure parameters."""

from compiler.graph.operations.data import (
    Admit,
    Clean,
    CleanStep,
    Profile,
    Publish,
    Quarantine,
    Query,
    ReadDatabase,
    ReadFiles,
    Rule,
    Split,
    Validate,
    Window,
)
from compiler.graph.operations.judging import (
    Evaluate,
    Gate,
    JudgeGates,
    Register,
    Score,
)
from compiler.graph.operations.operation import (
    Operation,
    Params,
    Scalar,
    params,
)
from compiler.graph.operations.serving import (
    Deploy,
    Golden,
    Watch,
)
from compiler.graph.operations.training import (
    Dimension,
    FeatureSpec,
    FitFeatures,
    Package,
    Train,
    Tune,
)
from compiler.graph.operations.watching import (
    Alert,
    Channel,
    CompareProfiles,
)

__all__ = [
    "Admit",
    "Alert",
    "Channel",
    "Clean",
    "CleanStep",
    "CompareProfiles",
    "Deploy",
    "Dimension",
    "Evaluate",
    "FeatureSpec",
    "FitFeatures",
    "Gate",
    "Golden",
    "JudgeGates",
    "Operation",
    "Package",
    "Params",
    "Profile",
    "Publish",
    "Quarantine",
    "Query",
    "ReadDatabase",
    "ReadFiles",
    "Register",
    "Rule",
    "Scalar",
    "Score",
    "Split",
    "Train",
    "Tune",
    "Validate",
    "Watch",
    "Window",
    "params",
]
