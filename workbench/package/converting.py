"""Recipe and model as one ONNX graph from raw columns to label and probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.errors import ConversionError
from workbench.estimators.native import TIE_DECIMALS
from workbench.graph import GraphBuilder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.estimators.native import NativeModel
    from workbench.package.checking import ColumnType
    from workbench.package.signature import Signature
    from workbench.recipe.fitted import FittedRecipe


def build_graph(
    recipe: FittedRecipe,
    model: NativeModel,
    signature: Signature,
    missing_words: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Write recipe and model as one graph.

    Inputs are the raw columns by name, each of shape [N]: double with NaN, or string with "", for missing; dates and
    times are double, in seconds since 1970-01-01 UTC; images are uint8 of shape [N, height, width, channels]. Where
    column steps of the recipe have no graph form, the inputs are the columns that these steps leave. Outputs are
    ``label`` [N] and ``probabilities`` [N, k] (double), or ``prediction`` [N] (double). Where a column already has the
    name of an output, the output's gets an underscore.

    ONNX Runtime takes a missing text as a word: "None", "nan" and the like. `missing_words` says for text inputs which
    of these are missing, as "" is; the signature's own when absent.

    Returns
    -------
    bytes
        The serialised model.

    Raises
    ------
    ConversionError
        If recipe or model can't be written as a graph.
    """
    graph = GraphBuilder()
    try:
        taken = signature.types if signature.graph_inputs is None else signature.graph_inputs
        image = signature.image
        if image is not None and image.image is not None:
            inputs = {image.name: graph.image_input(image.name, image.image.shape)}
        else:
            inputs = {name: graph.input(name, _element(kind)) for name, kind in taken.items()}
            inputs |= _without_words(graph, inputs, signature.missing_words if missing_words is None else missing_words)
        if image is None and signature.graph_inputs is None and recipe.entry.changes:
            yes_no = [name for name, kind in recipe.entry.kinds.items() if kind == "boolean"]
            inputs |= {name: _yes_no(graph, inputs[name]) for name in yes_no}
        scores = model.emit(graph, recipe.emit(graph, inputs))
        if signature.task == "classification":
            kind = "int64" if _whole(signature) else "string"
            graph.output(_free("label", signature), _label(graph, scores, signature), kind, [None])
            graph.output(_free("probabilities", signature), scores, "double", [None, model.n_classes])
        else:
            values = graph.node("Squeeze", scores, graph.constant(np.array([1], dtype=np.int64)))
            graph.output(_free("prediction", signature), values, "double", [None])
        return bytes(graph.build().SerializeToString())
    except ConversionError:
        raise
    except Exception as error:  # whatever a converter raises, the native model is still there
        raise ConversionError(f"Got {error!r} while writing the graph. The native model is used instead.") from error


def _element(kind: ColumnType) -> Literal["number", "string"]:
    return "string" if kind == "string" else "number"


def _without_words(
    graph: GraphBuilder, inputs: Mapping[str, str], missing_words: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Replace the words for a missing text by "", all columns with the same words at once."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, words in missing_words.items():
        alike.setdefault(tuple(words), []).append(name)
    changed: dict[str, str] = {}
    for words, names in alike.items():
        block = graph.hstack([inputs[name] for name in names])
        keys = np.array(words, dtype=object)
        missing = graph.cast(graph.lookup(block, keys, [1] * len(words), default=0), "bool")
        nothing = graph.constant(np.array([""], dtype=object))
        changed |= zip(names, graph.split(graph.node("Where", missing, nothing, block), len(names)), strict=True)
    return changed


def _yes_no(graph: GraphBuilder, column: str) -> str:
    """Let any number but 0 be a yes, as column steps read it."""
    yes = graph.node("Not", graph.node("Equal", column, graph.constant(np.array(0.0))))
    return str(graph.node("Where", graph.node("IsNaN", column), column, graph.cast(yes, "double")))


def _label(graph: GraphBuilder, probabilities: str, signature: Signature) -> str:
    """Give the label of the most probable class, as `pick_class` does."""
    power = graph.constant(np.array(10.0**TIE_DECIMALS))
    rounded = graph.node("Round", graph.node("Mul", probabilities, power))
    index = graph.node("ArgMax", rounded, axis=1, keepdims=0)
    classes = signature.classes or []
    labels = np.array(classes, dtype=np.int64 if _whole(signature) else object)
    return str(graph.node("Gather", graph.constant(labels), index, axis=0))


def _whole(signature: Signature) -> bool:
    return all(isinstance(label, int) for label in signature.classes or ())


def _free(name: str, signature: Signature) -> str:
    while name in signature.column_names or name in (signature.graph_inputs or ()):
        name += "_"
    return name
