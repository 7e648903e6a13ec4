"""The file of a graph: opened without any file beside it, and compared with what the signature promises."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import IntegrityError, PackageError
from workbench.package.signature import Signature
from workbench.settings import Settings

if TYPE_CHECKING:
    import onnxruntime

_EXTERNAL = 1  # TensorProto.DataLocation.EXTERNAL
_TEXT = "tensor(string)"


def open_graph(graph: Path | bytes, settings: Settings) -> onnxruntime.InferenceSession:
    """Open a graph.

    Raises
    ------
    IntegrityError
        If it takes weights from another file.
    PackageError
        If ONNX Runtime refuses it, or it can't be read.
    """
    import onnxruntime

    if isinstance(graph, Path):
        refuse_other_files(graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.onnx_threads
    options.log_severity_level = 3  # its warnings tell of its own optimiser
    try:
        source = graph if isinstance(graph, bytes) else str(graph)
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class but this
        raise PackageError(f"Got a graph that ONNX Runtime refuses: {error}. Build the package again.") from error


def refuse_other_files(path: Path) -> None:
    """Refuse a graph with external data: a file that it names may be any file of this machine.

    Raises
    ------
    IntegrityError
        With the name of the file.
    PackageError
        If the graph can't be read.
    """
    try:
        # A file is named under this key; loading onnx to look closer costs 0.3 s, and few graphs hold the word.
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(b"location") < 0:
                return
    except (OSError, ValueError) as error:  # an empty file can't be mapped
        raise PackageError(f"Got {path}, which can't be read ({error}). Restore the package.") from error
    import onnx

    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # protobuf's DecodeError, from a package without types
        raise PackageError(f"Got {path}, which holds no graph ({error}). Build the package again.") from error
    for tensor in _tensors(model):
        if tensor.data_location == _EXTERNAL or len(tensor.external_data):
            named = next((entry.value for entry in tensor.external_data if entry.key == "location"), "another file")
            raise IntegrityError(
                f"Got {path} with weights in {named!r}, needed a graph that holds all of its weights. Don't use this "
                "package."
            )


def _tensors(message: Any) -> Iterator[Any]:
    """Give every tensor, wherever it lies: initializers, attributes, subgraphs, functions."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in [value] if hasattr(value, "ListFields") else value:
            if hasattr(inner, "ListFields"):
                yield from _tensors(inner)


def check_graph(session: onnxruntime.InferenceSession, signature: Signature, folder: Path) -> None:
    """Compare what a graph takes and gives with what the signature says.

    Raises
    ------
    PackageError
        If a column is missing, added or of another type, or the number of classes differs.
    """
    taken = signature.types if signature.graph_inputs is None else signature.graph_inputs
    given = {entry.name: entry.type for entry in session.get_inputs()}
    wanted = {name: kind == "string" for name, kind in taken.items()}
    found = {name: kind == _TEXT for name, kind in given.items()}
    if wanted != found:
        different = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise PackageError(
            f"Got {folder}, whose graph and signature differ in the column {different[0]!r}, needed the same columns "
            "of the same types in both. Don't use this package; build it again."
        )
    scores = session.get_outputs()[-1]
    width = scores.shape[1] if len(scores.shape) == 2 else 1
    n_scores = len(signature.classes) if signature.classes else 1
    if scores.type not in ("tensor(double)", "tensor(float)") or (isinstance(width, int) and width != n_scores):
        raise PackageError(
            f"Got {folder}, whose graph gives {width} values of {scores.type} for each row, needed {n_scores} as its "
            "signature says. Don't use this package; build it again."
        )
