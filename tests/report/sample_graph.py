"""A graph of every operation: five sources, three datasets, two models, a monitor."""

from __future__ import annotations

from compiler.graph.node import Graph, Node, Ref, ordered
from compiler.graph.operations import (
    Alert,
    Channel,
    CompareProfiles,
    Evaluate,
    FeatureSpec,
    FitFeatures,
    Gate,
    JudgeGates,
    Operation,
    Package,
    Profile,
    Publish,
    Quarantine,
    Query,
    ReadDatabase,
    ReadFiles,
    Register,
    Rule,
    Score,
    Split,
    Train,
    Validate,
    Window,
)
from compiler.graph.types import (
    Column,
    DataType,
    DocumentType,
    EstimatorType,
    FeaturesType,
    ModelType,
    ProfileType,
    TableType,
    Task,
    ValueType,
)

HOSTILE = "<script>alert('x')</script>"
NAMES = ("carrier", "origin", "distance", "temp", "time_hour", HOSTILE)
TABLE = TableType(tuple(Column(name, DataType("string")) for name in NAMES))
MODEL = ModelType(Task.BINARY, TABLE.columns, ())
OUTPUTS: dict[str, ValueType] = {
    "table": TABLE,
    "features": FeaturesType(TABLE.columns, ("carrier", "distance")),
    "estimator": EstimatorType(Task.BINARY),
    "model": MODEL,
    "profile": ProfileType(NAMES),
}
SOURCES = ("flights", "weather", "planes", "airlines", "airports")


def node(address: str, operation: Operation, outputs: str, **inputs: str) -> Node:
    """A node; inputs are ``address:output``, outputs are names."""
    made = tuple((name, OUTPUTS.get(name, DocumentType(name))) for name in outputs.split())
    refs = tuple(sorted((name, Ref(*ref.split(":"))) for name, ref in inputs.items()))
    return Node(address, operation, refs, made)


def source(name: str) -> list[Node]:
    """Ingest, validate and publish one source."""
    read: Operation = ReadFiles(f"data/{name}.parquet", "parquet", TABLE.columns)
    if name == "weather":
        read = ReadDatabase("postgresql://reader:hunter2@db/w", "select * from weather", ())
    table = f"sources.{name}/ingest:table"
    rule = Rule("not null", "not_null", ("carrier",), ())
    nodes = [
        node(f"sources.{name}/ingest", read, "table"),
        node(f"sources.{name}/validate", Validate((rule,)), "verdict", table=table),
    ]
    if name == "flights":
        made, table = "accepted quarantined", f"sources.{name}/quarantine:accepted"
        aside = Quarantine((rule,))
        nodes.append(
            node(f"sources.{name}/quarantine", aside, made, table=f"sources.{name}/ingest:table")
        )
    verdict = f"sources.{name}/validate:verdict"
    published = node(
        f"sources.{name}/publish", Publish(name), "table version", table=table, verdict=verdict
    )
    return [*nodes, published]


def model(name: str, target: str) -> list[Node]:
    """Features to registration of one model."""
    at = f"models.{name}"
    train, test = "datasets.departures/split:train", "datasets.departures/split:test"
    features = (FeatureSpec("carrier", "carrier"), FeatureSpec("far", "ln(distance)"))
    evaluation = Evaluate(("roc_auc", "f1"), target, ("carrier",))
    gate = Gate("roc_auc >= 0.7", "roc_auc", ">=", 0.7)
    column = Column(target, DataType("bool"))
    return [
        node(f"{at}/features", FitFeatures(features, TABLE.columns), "features", train=train),
        node(
            f"{at}/train", Train(Task.BINARY, target, "xgboost", (("max_depth", 5),)),
            "estimator training", features=f"{at}/features:features", train=train,
            validation="datasets.departures/split:validation",
        ),
        node(
            f"{at}/package", Package(column, Task.BINARY), "model",
            features=f"{at}/features:features", estimator=f"{at}/train:estimator",
        ),
        node(f"{at}/evaluate", evaluation, "metrics", model=f"{at}/package:model", table=test),
        node(
            f"{at}/gates", JudgeGates(name, (gate,), evaluation), "gates",
            model=f"{at}/package:model", metrics=f"{at}/evaluate:metrics", table=test,
        ),
        node(
            f"{at}/register", Register(name, "datasets.departures"), "model registration",
            model=f"{at}/package:model", metrics=f"{at}/evaluate:metrics",
            gates=f"{at}/gates:gates", training=f"{at}/train:training",
            table="datasets.departures/query:table",
        ),
    ]  # fmt: skip


def graph() -> Graph:
    """Forty-odd steps: five sources, three datasets, two models, a prediction, two monitors."""
    nodes = [n for name in SOURCES for n in source(name)]
    published = {name: f"sources.{name}/publish:table" for name in SOURCES}
    sql = "select f.*, f.arr_delay > 15 as late\nfrom flights f left join weather w using (origin)"
    joined = {**published, "aircraft": "datasets.aircraft/query:table"}
    split = Split(
        predicates=(("train", "month <= 6"), ("validation", "month = 7"), ("test", "month = 8"))
    )
    nodes += [
        node("datasets.aircraft/query", Query("select * from planes"), "table",
             planes=published["planes"]),
        node("datasets.departures/query", Query(sql), "table", **joined),
        node("datasets.departures/split", split, "train validation test",
             table="datasets.departures/query:table"),
        node("datasets.departures/profile", Profile(NAMES), "profile",
             table="datasets.departures/split:train"),
        node("datasets.autumn/query", Query("select * from departures where month >= 9"), "table",
             departures="datasets.departures/query:table"),
        *model("late", "late"), *model("duration", "air_time"),
        node("predictions.autumn_late/score", Score(("carrier",), 0.35), "table",
             model="models.late/register:model", table="datasets.autumn/query:table"),
        node("predictions.autumn_late/publish", Publish("autumn_late"), "table version",
             table="predictions.autumn_late/score:table"),
        node("monitors.late_drift/profile", Profile(NAMES, Window(by="month")), "profile",
             table="datasets.autumn/query:table"),
        node("monitors.late_drift/compare", CompareProfiles(NAMES, "auto", 0.2), "drift",
             reference="datasets.departures/profile:profile",
             current="monitors.late_drift/profile:profile"),
        node("monitors.late_drift/alert", Alert("late_drift", ("ops",)), "",
             drift="monitors.late_drift/compare:drift"),
        node("notifications.ops/channel", Channel("ops", None), ""),
    ]  # fmt: skip
    return Graph(ordered(nodes), (("datasets.copy/query", "datasets.autumn/query"),), "flights")
