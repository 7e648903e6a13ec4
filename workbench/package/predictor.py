"""Predicting with a package: through its graph, or through the native model where there is no faithful graph."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench.data.file_forms import FileForm
from workbench.data.spec import ReaderOptions, parse_reader_options
from workbench.errors import InputError, PackageError
from workbench.estimators.native import DESCRIPTION, pick_class
from workbench.package.entering import CompiledEntry, read_entry
from workbench.package.graph_file import check_graph, open_graph
from workbench.package.info import check_spec, package_info
from workbench.package.inputs import CheckedRows
from workbench.package.manifest import verify_manifest
from workbench.package.reading import FileRows, file_form, given_rows, read_rows
from workbench.package.signature import Signature
from workbench.settings import Settings, current
from workbench.storage import read_json

if TYPE_CHECKING:
    import onnxruntime

    from workbench.estimators.native import NativeModel
    from workbench.recipe.fitted import FittedRecipe
    from workbench.recipe.images import FittedImages

GRAPH_FILE = "model.onnx"
SIGNATURE_FILE = "signature.json"
NATIVE_FOLDER = "native"
RECIPE_FOLDER = "native/recipe"

Engine = Literal["onnx", "native"]
Arrays = dict[str, np.ndarray]

# A forest of many classes looks up one row of shares for each tree: 200 trees and 10 classes take 33 MB for this many.
_CHUNK_ROWS = 2_048
# Operators of text fill every row of a chunk up to the one with the most words, each of them 32 bytes.
_CHUNK_CHARACTERS = 8_000_000


class Predictor:
    """Answers rows. Safe to use from several threads at once.

    Parameters
    ----------
    signature : Signature
    engine : {"onnx", "native"}
    info : dict
        What `PackageInfo` says.
    run : callable
        From one array for each column to scores of shape (n_rows, n_classes), or (n_rows, 1) for regression.
    folder : Path, optional
        The package it was loaded from, where its background rows lie.
    """

    def __init__(
        self,
        signature: Signature,
        engine: Engine,
        info: dict[str, Any],
        run: Callable[[Arrays], np.ndarray],
        folder: Path | None = None,
    ) -> None:
        self.folder = folder
        self.signature = signature
        self.engine = engine
        self.info = info
        self._run = run

    @cached_property
    def file_form(self) -> FileForm | None:
        """How the file was read that the model learned from, as far as its package knows."""
        return file_form(self.folder)

    def read_rows(
        self,
        path: str | Path,
        *,
        options: ReaderOptions | Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> FileRows:
        """Read a file whose rows are to be predicted, first as the training table was read.

        A column that the file writes with other capitals, blanks or marks is found, too.

        Parameters
        ----------
        path : str or Path
        options : ReaderOptions or dict, optional
            What is to be read otherwise: ``{"decimal": ",", "sheet": "2024"}``.
        names : mapping of str to str, optional
            From columns of the file to the model's, where they have other names: ``{"Klasse": "pclass"}``.

        Returns
        -------
        FileRows
            ``frame``, and ``notes`` on what was recognised; ``misfits`` are those about what isn't as in training.

        Raises
        ------
        TableNotFoundError, ReadError
            If there is no such file, or it isn't a table.
        SpecError
            If an option is unknown or malformed.
        """
        chosen = parse_reader_options(options)
        return read_rows(path, self.signature, self.file_form, names=names, options=chosen)

    def _rows(self, rows: Any) -> CheckedRows:
        return self.signature.check(given_rows(rows, self.folder, self.signature))

    def __repr__(self) -> str:
        return f"Predictor({self.signature.target!r}, {self.signature.task}, engine={self.engine!r})"

    def predict(self, rows: Any) -> np.ndarray:
        """Predict labels, or values for regression.

        Parameters
        ----------
        rows : Polars (also lazy), pandas or Arrow frame, dict of lists, list of dicts, one dict, or a path
            A file is read as `read_rows` reads it; what isn't as in training is a warning. For a model of images also
            images: an array (n, height, width) or with channels behind, paths, bytes of files, or a folder; see
            `Signature.check`.

        Returns
        -------
        ndarray of shape (n_rows,)
            int64, str objects, or float64.

        Raises
        ------
        InputError
            If the rows don't fit the signature.
        """
        return self._labels(self.scores(self._rows(rows)))

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Predict the probability of each class, in the order of ``signature.classes``.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64

        Raises
        ------
        InputError
            If the rows don't fit, or the model predicts numbers.
        """
        if self.signature.task == "regression":
            raise InputError("Got predict_proba on a regression model, which has no classes. Call predict.")
        return self.scores(self._rows(rows))

    def predict_frame(self, rows: Any) -> pl.DataFrame:
        """Predict as a table: ``prediction``, and ``probability_<class>`` for each class."""
        scores = self.scores(self._rows(rows))
        labels = self._labels(scores)
        columns = [pl.Series("prediction", labels.tolist() if labels.dtype == object else labels)]
        for position, label in enumerate(self.signature.classes or ()):
            columns.append(pl.Series(f"probability_{label}", scores[:, position]))
        return pl.DataFrame(columns)

    def scores(self, rows: CheckedRows | pl.DataFrame) -> np.ndarray:
        """Give probabilities (n_rows, n_classes) or values (n_rows, 1) of rows that are known to fit.

        This is the fast path: nothing is checked again.
        """
        arrays = rows.arrays if isinstance(rows, CheckedRows) else self.signature.arrays(rows)
        bounds = self._bounds(arrays)
        if self.signature.whole_columns and (self.engine == "native" or self.signature.graph_inputs is not None):
            whole = rows.whole if isinstance(rows, CheckedRows) else self.signature.whole(rows.to_dict())
            arrays = {**arrays, **whole}  # type: ignore[dict-item]
        if len(bounds) <= 2:
            return self._run(arrays)
        chunks = [{name: array[start:stop] for name, array in arrays.items()} for start, stop in pairwise(bounds)]
        return np.concatenate([self._run(chunk) for chunk in chunks])

    def _bounds(self, arrays: Arrays) -> list[int]:
        column = self.signature.image
        if column is None or column.image is None:
            return _chunk_bounds(arrays)
        n_rows = len(arrays[column.name])
        return [*range(0, max(n_rows, 1), column.image.rows_at_once), n_rows]

    def _labels(self, scores: np.ndarray) -> np.ndarray:
        classes = self.signature.classes
        if classes is None:
            return scores[:, 0]
        whole = all(isinstance(label, int) for label in classes)
        labels: np.ndarray = np.array(classes, dtype=np.int64 if whole else object)[pick_class(scores)]
        return labels


def _chunk_bounds(arrays: Arrays) -> list[int]:
    """Give where chunks of rows begin, and the end: few rows where texts are long, so that memory stays bounded."""
    n_rows = len(next(iter(arrays.values())))
    texts = [array for array in arrays.values() if array.dtype == object]
    if n_rows <= 1 or not texts:
        return [*range(0, max(n_rows, 1), _CHUNK_ROWS), n_rows]
    longest = np.array([max(map(len, row)) for row in zip(*texts, strict=True)])
    bounds, start = [0], 0
    while start < n_rows:
        widest = np.maximum.accumulate(longest[start : start + _CHUNK_ROWS])
        filled_up = widest * np.arange(1, len(widest) + 1)
        start += max(int(np.searchsorted(filled_up, _CHUNK_CHARACTERS, side="right")), 1)
        bounds.append(start)
    return bounds


def load_predictor(folder: str | Path, *, verify: bool = True, settings: Settings | None = None) -> Predictor:
    """Load a package, ready to predict.

    Parameters
    ----------
    folder : str or Path
    verify : bool
        Check every file's checksum first, and the signature where a key is configured; of a published version that it
        is this version of this model, too.
    settings : Settings, optional

    Raises
    ------
    IntegrityError
        If a file isn't as it was built.
    PackageError
        If the folder isn't a package, is of a later format, or its graph doesn't take and give what its signature says.
    """
    folder, settings = Path(folder), settings or current()
    info = _open(folder, verify, settings)
    if info["engine"] == "native":
        return _native(folder, info)
    signature = Signature.from_dict(read_json(folder / SIGNATURE_FILE))
    session = open_graph(folder / GRAPH_FILE, settings)
    check_graph(session, signature, folder)
    return Predictor(signature, "onnx", info, with_entry(read_entry(folder, signature), _runner(session)), folder)


def load_native(folder: str | Path, *, verify: bool = True, settings: Settings | None = None) -> Predictor:
    """Load the native model of a package, to compare with its graph or to go on training.

    Raises
    ------
    IntegrityError
        If a file isn't as it was built, or holds types beyond our allow-list.
    PackageError
        If the folder isn't a package.
    """
    folder = Path(folder)
    return _native(folder, _open(folder, verify, settings or current()))


def graph_runner(graph: Path | bytes, settings: Settings) -> Callable[[Arrays], np.ndarray]:
    """Open a graph and give the function from arrays to scores.

    Raises
    ------
    PackageError
        If ONNX Runtime refuses the graph.
    """
    return _runner(open_graph(graph, settings))


def with_entry(entry: CompiledEntry | None, graph: Callable[[Arrays], np.ndarray]) -> Callable[[Arrays], np.ndarray]:
    """Put column steps that have no graph form in front of a graph."""
    if entry is None:
        return graph

    def scores(arrays: Arrays) -> np.ndarray:
        return graph(entry(arrays))

    return scores


def _runner(session: onnxruntime.InferenceSession) -> Callable[[Arrays], np.ndarray]:
    # The scores are the last output; its name depends on the columns' names (see converting.py).
    wanted = [session.get_outputs()[-1].name]
    run = session.run

    def scores(arrays: Arrays) -> np.ndarray:
        answers: np.ndarray = run(wanted, arrays)[0]
        return answers if answers.ndim == 2 else answers[:, None]

    return scores


def native_runner(
    recipe: FittedRecipe | FittedImages, model: NativeModel, signature: Signature
) -> Callable[[Arrays], np.ndarray]:
    """Give the function from arrays to scores that runs recipe and native model."""
    lock = threading.Lock()  # neither library promises that one model may predict in several threads

    def scores(arrays: Arrays) -> np.ndarray:
        frame = signature.rows(arrays).frame
        with lock:
            return model.scores(recipe.transform(frame))

    return scores


def _open(folder: Path, verify: bool, settings: Settings) -> dict[str, Any]:
    if not folder.is_dir():
        raise PackageError(f"Got {str(folder)!r}, needed the folder of a package. Correct the path.")
    if verify:
        verify_manifest(folder, settings)
    info = package_info(folder)
    check_spec(folder)
    for name in (SIGNATURE_FILE, GRAPH_FILE if info.engine == "onnx" else f"{NATIVE_FOLDER}/{DESCRIPTION}"):
        if not (folder / name).is_file():
            raise PackageError(f"Got {folder} without {name}, needed a whole package. Restore it or build it again.")
    return info.to_dict()


def _native(folder: Path, info: dict[str, Any]) -> Predictor:
    from workbench.estimators.models import load_model
    from workbench.recipe.fitted import FittedRecipe
    from workbench.recipe.images import FittedImages

    signature = Signature.from_dict(read_json(folder / SIGNATURE_FILE))
    model = load_model(folder / NATIVE_FOLDER)
    recipe: FittedRecipe | FittedImages
    if signature.image is not None:
        recipe = FittedImages.load(folder / RECIPE_FOLDER)
    else:
        recipe = FittedRecipe.load(folder / RECIPE_FOLDER)
    return Predictor(signature, "native", info, native_runner(recipe, model, signature), folder)
