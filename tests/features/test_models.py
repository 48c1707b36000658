"""Models give a row the same bits whatever stands beside it, and open only when safe."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression

from backends.models.feed import feeds, matrix
from backends.models.package import CLASSES, RESPONSE, package
from backends.models.sessions import metadata, request_of, session
from backends.training.statistics import learn
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.features.models import expressions_model, features_model
from compiler.features.onnx_graph import to_bytes
from compiler.graph.operations import FeatureSpec
from compiler.graph.types import Column, DataType, Task
from tests.features.corpus import ALL
from tests.features.duck import COLUMNS, Row, opened, table
from tests.features.rows import ROWS

Bits = list[list[bytes | str]]


def bits(data: pa.Table) -> Bits:
    """Every value of every expression to the last bit, blank where null."""
    found = opened(ALL).run(None, feeds(data, COLUMNS))
    shown: Bits = []
    for values, nulls in zip(found[::2], found[1::2], strict=True):
        cells: list[bytes | str] = []
        for value, null in zip(values, nulls, strict=True):
            cells.append("null" if null else value if isinstance(value, str) else value.tobytes())
        shown.append(cells)
    return shown


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS)
def test_the_size_of_a_batch_changes_no_bit(rows: list[Row]) -> None:
    data = table(rows * 3)
    whole = bits(data)
    for size in (1, 3, 7):
        pieces = [bits(data.slice(start, size)) for start in range(0, len(data), size)]
        for place, text in enumerate(ALL):
            joined = [cell for piece in pieces for cell in piece[place]]
            assert joined == whole[place], text


@pytest.mark.parametrize("odd", [float("nan"), -float("nan"), float("inf"), -0.0])
def test_what_is_no_number_has_its_bits_wherever_it_stands(odd: float) -> None:
    row: Row = {column.name: odd if column.type.is_float else None for column in COLUMNS}
    row |= {"k": 0, "c": False}
    data = table([row] * 9)
    whole = bits(data)
    for size in (1, 3, 7):
        pieces = [bits(data.slice(start, size)) for start in range(0, len(data), size)]
        for place, text in enumerate(ALL):
            assert [cell for piece in pieces for cell in piece[place]] == whole[place], text


def test_logarithms_and_powers_do_not_depend_on_their_place() -> None:
    texts = (
        "ln(x)",
        "exp(x / 100)",
        "log10(x)",
        "log2(x)",
        "pow(x, 1.7)",
        "pow(1.01, x)",
        "pow(x, y)",
    )
    columns = (Column("x", DataType("float64"), False), Column("y", DataType("float64"), False))
    specs = [FeatureSpec(text, text) for text in texts]
    model = session(expressions_model(specs, columns))
    x = np.random.default_rng(1).uniform(0.01, 900, 2003)
    feed = {"x": x, "y": np.where(np.arange(2003) % 2, 2.0, 3.0)}
    whole = model.run(None, feed)[::2]
    for start in range(0, 2003, 13):
        for size in (1, 5):
            part = {name: values[start : start + size] for name, values in feed.items()}
            for left, right in zip(model.run(None, part)[::2], whole, strict=True):
                np.testing.assert_array_equal(left, right[start : start + size])


def test_no_rows_are_no_failure() -> None:
    data = pa.table({c.name: pa.array([], pa.null()) for c in COLUMNS})
    assert all(len(output) == 0 for output in opened(ALL).run(None, feeds(data, COLUMNS)))


def _train(folder: Path) -> tuple[pa.Table, onnx.ModelProto, Path]:
    random = np.random.default_rng(0)
    words = random.choice(["red", "blue", "é"], 300)
    x = pa.array(random.normal(size=300), mask=random.random(300) < 0.1)
    data = pa.table({"x": x, "s": words.astype(object), "n": random.integers(0, 9, 300)})
    request = (
        Column("x", DataType("float64")), Column("s", DataType("string")),
        Column("n", DataType("int32"), False),
    )  # fmt: skip
    specs = (
        FeatureSpec("x", "x * 2", impute="mean", scale="standard"),
        FeatureSpec("s", "s", encode="one_hot"),
        FeatureSpec("n", "n % 3"),
    )
    path = folder / "train.parquet"
    pq.write_table(data, path)
    model = features_model(specs, request, learn(specs, request, path, 1, 10**6))
    (folder / "features.onnx").write_bytes(to_bytes(model))
    return data, model, path


LABELS = [
    ([False, True], DataType("bool")),
    (["no", "yes"], DataType("string")),
    ([3, 7], DataType("int64")),
    (["a", "b", "c"], DataType("string")),
    ([1, 2, 5], DataType("int32")),
]


@pytest.mark.parametrize(("classes", "kind"), LABELS)
def test_a_package_takes_raw_columns_and_answers_with_labels(
    classes: list[object], kind: DataType, tmp_path: Path
) -> None:
    import json

    data, features, path = _train(tmp_path)
    x = matrix(tmp_path / "features.onnx", path)
    codes = np.digitize(
        x[:, 0] + x[:, -1], np.quantile(x[:, 0] + x[:, -1], [0.4, 0.7])[: len(classes) - 1]
    )
    fitted = LogisticRegression().fit(x, codes)
    estimator = to_onnx(fitted, x[:1], options={"zipmap": False}, target_opset=15)
    estimator.graph.input[0].name = "X"
    del estimator.graph.output[0]
    helper.set_model_props(estimator, {"classes": json.dumps(classes)})
    task = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
    model = package(features, estimator, task, Column("y", kind))
    assert to_bytes(model) == to_bytes(package(features, estimator, task, Column("y", kind)))
    taken = {name for node in model.graph.node for name in node.input}
    assert {constant.name for constant in model.graph.initializer} <= taken
    made = session(to_bytes(model))
    feed = feeds(data, request_of(made))
    prediction, probability, probabilities = made.run(
        ["prediction", "probability", "probabilities"], feed
    )
    np.testing.assert_allclose(probabilities, fitted.predict_proba(x), atol=1e-5)
    best = np.array(classes, dtype=object)[probabilities.argmax(axis=1)]
    if len(classes) == 2:
        np.testing.assert_array_equal(probability, probabilities[:, 1])
        best = np.array(classes, dtype=object)[(probability >= 0.5).astype(int)]
    assert prediction.tolist() == best.tolist()
    assert json.loads(metadata(made)[CLASSES]) == classes
    assert [c["name"] for c in json.loads(metadata(made)[RESPONSE])] == [
        "prediction",
        "probability",
    ]


def test_a_regression_is_packaged(tmp_path: Path) -> None:
    data, features, path = _train(tmp_path)
    x = matrix(tmp_path / "features.onnx", path)
    fitted = LinearRegression().fit(x, x[:, 0] * 3 + 1)
    estimator = to_onnx(fitted, x[:1], target_opset=15)
    estimator.graph.output[0].name = "prediction"
    estimator.graph.node[-1].output[0] = "prediction"
    model = package(features, estimator, Task.REGRESSION, Column("y", DataType("float64")))
    made = session(to_bytes(model))
    (found,) = made.run(None, feeds(data, request_of(made)))
    np.testing.assert_allclose(found, x[:, 0] * 3 + 1, atol=1e-4)


def _model(**changes: object) -> onnx.ModelProto:
    node = helper.make_node("Identity", ["x"], ["y"], domain=str(changes.get("domain", "")))
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node], "g", [info("x", TensorProto.FLOAT, ["N"])], [info("y", TensorProto.FLOAT, ["N"])]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def _refused(source: Path | bytes) -> str:
    with pytest.raises(StackcError) as refused:
        session(source)
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code is Code.MODEL_UNREADABLE
    return diagnostic.message


def test_models_that_are_none_or_reach_outside_are_refused(tmp_path: Path) -> None:
    good = _model().SerializeToString()
    session(good)
    for broken in (b"", b"\x00", good[:-9], good[5:], b"PK\x03\x04", b"\xff" * 1000):
        _refused(broken)
    _refused(tmp_path / "absent.onnx")
    assert "org.evil" in _refused(_model(domain="org.evil").SerializeToString())
    outside = _model()
    tensor = outside.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    assert "other files" in _refused(outside.SerializeToString())


def test_feeds_take_arrow_as_it_comes() -> None:
    request = tuple(
        Column(name, DataType(kind))
        for name, kind in [
            ("s", "string"),
            ("e", "float64"),
            ("t", "timestamp"),
            ("d", "date"),
            ("n", "int64"),
        ]
    )
    data = pa.table(
        {
            "s": pa.array(["a", None, "a"]).dictionary_encode(),
            "e": pa.array([Decimal("0.3"), None, Decimal("-1.1")], pa.decimal128(9, 2)),
            "t": pa.array([datetime.datetime(1970, 1, 2), None, None], pa.timestamp("s")),
            "d": pa.array([datetime.date(1970, 1, 3), None, None], pa.date64()),
            "n": pa.array([1, None, 3], pa.uint32()),
        }
    )
    for held in (data, data.to_batches()[0], pa.concat_tables([data, data]).slice(3)):
        found = feeds(held, request)
        assert found["s"].tolist() == ["a", "", "a"]
        assert found["s.null"].tolist() == [False, True, False]
        assert found["e"].tolist() == [0.3, 0.0, -1.1]
        assert found["t"].tolist() == [86_400_000_000, 0, 0]
        assert found["d"].tolist() == [2, 0, 0]
        assert found["n"].tolist() == [1, 0, 3]


@pytest.mark.parametrize(
    ("values", "column", "code"),
    [
        (pa.array([1, None]), Column("a", DataType("int64"), False), Code.VALUE_TYPE),
        (pa.array(["x"]), Column("a", DataType("int64")), Code.VALUE_TYPE),
        (pa.array([2**64 - 1], pa.uint64()), Column("a", DataType("uint64")), Code.VALUE_TYPE),
        (pa.array([[1]]), Column("a", DataType("float64")), Code.VALUE_TYPE),
        (pa.array([1]), Column("b", DataType("int64")), Code.SOURCE_COLUMNS),
    ],
)
def test_columns_that_are_not_what_was_declared_are_errors(
    values: pa.Array, column: Column, code: Code
) -> None:
    with pytest.raises(StackcError) as refused:
        feeds(pa.table({"a": values}), (column,))
    assert refused.value.diagnostics[0].code is code


def test_decimals_are_the_nearest_doubles() -> None:
    cents = [Decimal(n) / 1000 for n in range(-3000, 3000)]
    request = (Column("e", DataType("decimal(12, 3)"), False),)
    found = feeds(pa.table({"e": pa.array(cents, pa.decimal128(12, 3))}), request)["e"]
    assert found.tolist() == [float(value) for value in cents]
