"""GraphBuilder: one ONNX graph from raw columns, with other graphs merged in."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from workbench.errors import ConversionError
from workbench.graph import IR_VERSION, OPSET, GraphBuilder


def run(graph: GraphBuilder, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    session = ort.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def small_model(opset: int = OPSET, domain_version: int | None = None) -> onnx.ModelProto:
    nodes = [helper.make_node("Mul", ["x", "w"], ["t"], name="n"), helper.make_node("Add", ["t", "w"], ["y"], name="m")]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])],
        [numpy_helper.from_array(np.array([3.0]), "w")],
    )
    opsets = [helper.make_opsetid("", opset)]
    if domain_version:
        opsets.append(helper.make_opsetid("ai.onnx.ml", domain_version))
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


@pytest.mark.parametrize("n_rows", [0, 1, 5])
def test_columns_of_shape_n_become_a_matrix_in_their_order(n_rows):
    graph = GraphBuilder()
    columns = [graph.input(name, "number") for name in "abc"]
    graph.output("X", graph.hstack(columns), "double", [None, 3])
    feeds = {name: np.arange(n_rows, dtype=float) + 10 * place for place, name in enumerate("abc")}
    (X,) = run(graph, feeds)
    np.testing.assert_array_equal(X, np.column_stack(list(feeds.values())))


def test_text_columns_of_any_alphabet_pass_through_unchanged():
    graph = GraphBuilder()
    columns = [graph.input(name, "string") for name in ("Größe in cm", "年齢")]
    graph.output("X", graph.gather(graph.hstack(columns), [1, 0]), "string", [None, 2])
    (X,) = run(graph, {"Größe in cm": np.array(["", "naïve"], object), "年齢": np.array(["猫", "a\0b"], object)})
    assert X.tolist() == [["猫", ""], ["a\0b", "naïve"]]


def test_the_same_model_can_be_appended_twice_without_name_clashes():
    graph = GraphBuilder()
    x = graph.input("x", "number")
    (once,) = graph.append(small_model(domain_version=2), {"x": x})
    (twice,) = graph.append(small_model(), {"x": once})
    graph.output("y", twice, "double", [None, 1])
    (y,) = run(graph, {"x": np.array([1.0, 2.0])})
    assert y.ravel().tolist() == [21.0, 30.0]


def test_a_model_of_another_opset_is_converted_to_ours():
    graph = GraphBuilder()
    (y,) = graph.append(small_model(opset=13), {"x": graph.input("x", "number")})
    graph.output("y", y, "double", [None, 1])
    assert {entry.domain: entry.version for entry in graph.build().opset_import}[""] == OPSET
    assert run(graph, {"x": np.array([1.0])})[0].tolist() == [[6.0]]


def test_names_inside_the_bodies_of_control_flow_are_merged_too():
    def body(name: str, op_type: str) -> onnx.GraphProto:
        node = helper.make_node(op_type, ["x", "w"], [f"{name}_y"])
        return helper.make_graph(
            [node], name, [], [helper.make_tensor_value_info(f"{name}_y", TensorProto.DOUBLE, [None, 1])]
        )

    choose = helper.make_node("If", ["yes"], ["y"], then_branch=body("then", "Add"), else_branch=body("else", "Sub"))
    model = small_model()
    del model.graph.node[:]
    model.graph.node.append(choose)
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    graph = GraphBuilder()
    (y,) = graph.append(model, {"x": graph.input("x", "number")})
    graph.output("y", y, "double", [None, 1])
    assert run(graph, {"x": np.array([1.0])})[0].tolist() == [[4.0]]


def test_nodes_that_no_output_needs_are_left_out():
    graph = GraphBuilder()
    x = graph.input("x", "number")
    graph.node("Mul", x, graph.constant(np.array([2.0])))
    graph.output("y", x, "double", [None, 1])
    model = graph.build()
    assert [node.op_type for node in model.graph.node] == ["Unsqueeze", "Identity"]
    assert len(model.graph.initializer) == 1


def test_an_unnamed_model_input_is_reported():
    with pytest.raises(ConversionError, match=r"Got tensors for \['z'\], needed \['x'\]"):
        GraphBuilder().append(small_model(), {"z": "z"})


def test_an_output_with_the_name_of_a_column_is_refused():
    graph = GraphBuilder()
    label = graph.input("label", "number")
    with pytest.raises(ConversionError, match="Got 'label' as a column and as an output.*Rename the column"):
        graph.output("label", label, "double", [None, 1])


@pytest.mark.parametrize("name", ["", "x"])
def test_an_empty_or_repeated_input_name_is_refused(name):
    graph = GraphBuilder()
    graph.input("x", "number")
    with pytest.raises(ConversionError, match="needed an unused, non-empty one"):
        graph.input(name, "number")


def test_an_old_label_encoder_is_refused_because_its_meaning_changed():
    model = small_model(domain_version=1)
    model.graph.node.append(helper.make_node("LabelEncoder", ["x"], ["z"], domain="ai.onnx.ml"))
    with pytest.raises(ConversionError, match="LabelEncoder of ai.onnx.ml 1, needed 2"):
        GraphBuilder().append(model, {"x": "x"})


def test_a_graph_that_is_not_valid_is_refused():
    graph = GraphBuilder()
    graph.output("y", "nowhere", "double", [None, 1])
    with pytest.raises(ConversionError, match="isn't valid ONNX"):
        graph.build()
