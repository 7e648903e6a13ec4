"""The builder of the one ONNX graph from raw columns to the model's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import ConversionError
from workbench.graph.merging import copy_of, needed_nodes, reads, rename_node, same_opset

if TYPE_CHECKING:
    import onnx

# tf2onnx 1.17 writes 15 by default and refuses more than 18; every operator used here runs in double at 15 and nothing
# that we need came later, so one number serves scikit-learn, Keras and the recipe.
OPSET = 15
ML_OPSET = 5  # the first with TreeEnsemble, whose double form agrees with scikit-learn to the last bits
IR_VERSION = 8
ML_DOMAIN = "ai.onnx.ml"
RUNTIME_DOMAIN = "com.microsoft"  # ONNX Runtime's own operators; those of text have no other form

InputType = Literal["number", "string"]


class GraphBuilder:
    """Collects the nodes of one ONNX graph from raw columns to the model's outputs.

    Tensors are named by strings: each method returns the name of what it adds. Rows are the first axis throughout.

    Examples
    --------
    >>> graph = GraphBuilder()
    >>> age = graph.input("age", "number")
    >>> doubled = graph.node("Mul", age, graph.constant(np.array([2.0])))
    >>> graph.output("doubled", doubled, "double", [None, 1])
    >>> [entry.name for entry in graph.build().graph.input]
    ['age']
    """

    def __init__(self, name: str = "workbench") -> None:
        self.name = name
        self._inputs: dict[str, InputType] = {}
        self._images: dict[str, tuple[int, int, int]] = {}
        self._columns: dict[str, str] = {}  # tensor of shape [N, 1] -> the input of shape [N] behind it
        self._outputs: list[tuple[str, str, list[int | str | None]]] = []
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._opsets = {"": OPSET, ML_DOMAIN: ML_OPSET, RUNTIME_DOMAIN: 1}
        self._taken: set[str] = set()
        self._parts: dict[
            str, tuple[str, int, int]
        ] = {}  # column that `split` gave -> block, its place, columns in all
        self._axis = ""  # the constant [1] that every Unsqueeze reads
        self._n_names = 0
        self._n_parts = 0

    def input(self, name: str, kind: InputType) -> str:
        """Declare a raw column: double (missing is NaN) or string (missing is ""), of shape [N].

        Returns
        -------
        str
            The column as a tensor of shape [N, 1].

        Raises
        ------
        ConversionError
            If the name is empty or taken.
        """
        if not name or name in self._taken:
            raise ConversionError(f"Got the input name {name!r}, needed an unused, non-empty one. Rename the column.")
        self._taken.add(name)
        self._inputs[name] = kind
        self._axis = self._axis or self.constant(np.array([1], dtype=np.int64))
        column: str = self.node("Unsqueeze", name, self._axis)
        self._columns[column] = name
        return column

    def image_input(self, name: str, shape: tuple[int, int, int]) -> str:
        """Declare images of (height, width, channels) with channels last: uint8 of shape [N, *shape].

        Raises
        ------
        ConversionError
            If the name is empty or taken.
        """
        if not name or name in self._taken:
            raise ConversionError(f"Got the input name {name!r}, needed an unused, non-empty one. Rename the column.")
        self._taken.add(name)
        self._images[name] = shape
        return name

    def constant(self, array: np.ndarray | Sequence[Any]) -> str:
        """Store an array (numbers, booleans, or strings as object or str arrays) and return its tensor."""
        from onnx import TensorProto, helper, numpy_helper

        array = np.asarray(array)
        name = self._fresh("constant")
        if array.dtype.kind in "OU":
            values = [str(value).encode() for value in array.ravel()]
            self._initializers.append(helper.make_tensor(name, TensorProto.STRING, array.shape, values))
        else:
            self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def node(self, op_type: str, *inputs: str, domain: str = "", n_outputs: int = 1, **attributes: Any) -> Any:
        """Add an operator.

        Returns
        -------
        str, or list of str where `n_outputs` is above 1
            Its output tensors.
        """
        from onnx import helper

        outputs = [self._fresh(op_type) for _ in range(n_outputs)]
        # Converters fail on NumPy numbers within lists, so everything becomes a plain Python value.
        plain = {
            key: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            for key, value in attributes.items()
        }
        self._nodes.append(helper.make_node(op_type, list(inputs), outputs, domain=domain, name=outputs[0], **plain))
        return outputs[0] if n_outputs == 1 else outputs

    def cast(self, tensor: str, elem_type: str) -> str:
        """Convert a tensor to an element type such as ``double``, ``float``, ``int64``, ``bool`` or ``string``."""
        return str(self.node("Cast", tensor, to=_elem_type(elem_type)))

    def hstack(self, tensors: Sequence[str]) -> str:
        """Join tensors of shape [N, k] side by side.

        Raw columns are joined before they become [N, 1], which spares one node for each of thousands of columns.
        """
        if len(tensors) == 1:
            return tensors[0]
        parts = [self._parts.get(tensor, ("", 0, 0)) for tensor in tensors]
        block, _, n_columns = parts[0]
        if block and all(part[0] == block for part in parts):
            places = [part[1] for part in parts]
            return block if places == list(range(n_columns)) else self.gather(block, places)
        if not all(tensor in self._columns for tensor in tensors):
            return str(self.node("Concat", *tensors, axis=1))
        joined = self.node("Concat", *(self._columns[tensor] for tensor in tensors), axis=0)
        shape = self.constant(np.array([len(tensors), -1], dtype=np.int64))
        return str(self.node("Transpose", self.node("Reshape", joined, shape), perm=[1, 0]))

    def split(self, tensor: str, n_columns: int) -> list[str]:
        """Give the columns of a tensor of shape [N, k] one by one; `hstack` puts them together again at no cost."""
        if n_columns == 1:
            return [tensor]
        columns: list[str] = self.node("Split", tensor, axis=1, n_outputs=n_columns)
        self._parts |= {column: (tensor, place, n_columns) for place, column in enumerate(columns)}
        return columns

    def gather(self, tensor: str, columns: Sequence[int]) -> str:
        """Take columns of a tensor of shape [N, k], in the given order."""
        return str(self.node("Gather", tensor, self.constant(np.asarray(columns, dtype=np.int64)), axis=1))

    def lookup(self, tensor: str, keys: np.ndarray, values: Sequence[int], *, default: int) -> str:
        """Replace each string or double by the integer that belongs to it, and all others by `default`."""
        from onnx import numpy_helper

        if keys.dtype.kind in "OU":
            texts: dict[str, Any] = {
                "keys_strings": [str(key) for key in keys],
                "values_int64s": list(values),
                "default_int64": default,
            }
            return str(self.node("LabelEncoder", tensor, domain=ML_DOMAIN, **texts))
        tensors: dict[str, Any] = {
            "keys_tensor": numpy_helper.from_array(keys.astype(np.float64)),
            "values_tensor": numpy_helper.from_array(np.asarray(values, dtype=np.int64)),
            "default_tensor": numpy_helper.from_array(np.array([default], dtype=np.int64)),
        }
        return str(self.node("LabelEncoder", tensor, domain=ML_DOMAIN, **tensors))

    def append(self, model: onnx.ModelProto, inputs: dict[str, str]) -> list[str]:
        """Merge another model's graph, with every name of its own under a fresh prefix.

        Parameters
        ----------
        model : ModelProto
            As skl2onnx or a Keras export gives it. Another default opset is converted to ours.
        inputs : dict of str to str
            The tensor of this graph that feeds each of the model's inputs.

        Returns
        -------
        list of str
            The tensors of the model's outputs, in order.

        Raises
        ------
        ConversionError
            If an input has no tensor, or the model's operators have no form in our opset.
        """
        model = same_opset(model, OPSET)
        graph = model.graph
        stored = {tensor.name for tensor in graph.initializer}
        needed = [entry.name for entry in graph.input if entry.name not in stored]
        if set(needed) != set(inputs):
            raise ConversionError(
                f"Got tensors for {sorted(inputs)}, needed {sorted(needed)}. Name the model's inputs."
            )
        self._merge_opsets(model)
        prefix = f"part{self._n_parts}/"
        self._n_parts += 1

        def rename(name: str) -> str:
            return inputs.get(name) or (prefix + name if name else "")

        for node in map(copy_of, graph.node):
            rename_node(node, rename)
            self._nodes.append(node)
        for tensor in map(copy_of, graph.initializer):
            tensor.name = rename(tensor.name)
            self._initializers.append(tensor)
        return [rename(entry.name) for entry in graph.output]

    def output(self, name: str, tensor: str, elem_type: str, shape: Sequence[int | str | None]) -> None:
        """Declare an output of the whole graph; None in `shape` is the number of rows.

        Raises
        ------
        ConversionError
            If an input or another output has this name.
        """
        if name in self._taken:
            raise ConversionError(f"Got {name!r} as a column and as an output, needed two names. Rename the column.")
        self._taken.add(name)
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [tensor], [name], name=name))
        self._outputs.append((name, elem_type, list(shape)))

    def build(self) -> onnx.ModelProto:
        """Put the graph together, without nodes that no output needs, and check it.

        Raises
        ------
        ConversionError
            If the graph isn't valid ONNX.
        """
        import onnx
        from onnx import helper

        nodes = needed_nodes(self._nodes, [name for name, _, _ in self._outputs])
        used = {name for node in nodes for name in reads(node)}
        types = {"number": onnx.TensorProto.DOUBLE, "string": onnx.TensorProto.STRING}
        inputs = [helper.make_tensor_value_info(name, types[kind], ["N"]) for name, kind in self._inputs.items()]
        inputs += [
            helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, ["N", *shape])
            for name, shape in self._images.items()
        ]
        outputs = [
            helper.make_tensor_value_info(name, _elem_type(kind), ["N" if size is None else size for size in shape])
            for name, kind, shape in self._outputs
        ]
        stored = [tensor for tensor in self._initializers if tensor.name in used]
        graph = helper.make_graph(nodes, self.name, inputs, outputs, stored)
        domains = {node.domain for node in nodes} | {""}
        opsets = [helper.make_opsetid(domain, version) for domain, version in self._opsets.items() if domain in domains]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="workbench")
        try:
            onnx.checker.check_model(model)
        except onnx.checker.ValidationError as error:
            raise ConversionError(
                f"The graph isn't valid ONNX: {error}. The native model can be used instead."
            ) from error
        return model

    def _fresh(self, word: str) -> str:
        while True:
            name = f"{word}:{self._n_names}"
            self._n_names += 1
            if name not in self._taken:
                self._taken.add(name)
                return name

    def _merge_opsets(self, model: onnx.ModelProto) -> None:
        for entry in model.opset_import:
            if entry.domain in ("", "ai.onnx"):
                continue
            # Of the ai.onnx.ml operators only LabelEncoder changed its meaning, from version 1 to 2.
            old_labels = entry.domain == ML_DOMAIN and entry.version < 2
            if old_labels and any(node.op_type == "LabelEncoder" for node in model.graph.node):
                raise ConversionError(
                    "Got a LabelEncoder of ai.onnx.ml 1, needed 2 or later. Convert with a later opset."
                )
            self._opsets[entry.domain] = max(self._opsets.get(entry.domain, 1), entry.version)


def _elem_type(name: str) -> int:
    from onnx import TensorProto

    return int(TensorProto.DataType.Value(name.upper()))
