"""A package put to the proof before it goes live: loaded, compared with its signature, asked with rows it knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from workbench.errors import PackageError, WorkbenchError
from workbench.package.predictor import GRAPH_FILE, Predictor, load_predictor
from workbench.settings import Settings, current

BACKGROUND_FILE = "background.parquet"
_ROWS = 32
_TOLERANCE = 1e-3  # of the sum of a row's probabilities


def prove_package(folder: Path, *, settings: Settings | None = None) -> Predictor:
    """Load a package and let it predict some of the training rows that it carries.

    Parameters
    ----------
    folder : Path
    settings : Settings, optional

    Returns
    -------
    Predictor

    Raises
    ------
    IntegrityError
        If a file isn't as it was built.
    PackageError
        If it doesn't load, its graph doesn't fit its signature, it fails on its own rows, or answers with what is no
        probability of the classes or no number.
    """
    folder, settings = Path(folder), settings or current()
    predictor = load_predictor(folder, settings=settings)
    rows = _background(folder)
    if rows.height:
        try:
            scores = predictor.scores(predictor.signature.check(rows))
        except WorkbenchError as error:
            raise PackageError(f"{folder} doesn't take its own training rows: {error}") from error
        except Exception as error:  # ONNX Runtime's exceptions share no base class but this
            raise PackageError(
                f"{folder} fails on its own training rows: {error}. Don't use this package; build it again."
            ) from error
        _check_scores(scores, rows.height, predictor, folder)
        if predictor.engine == "onnx":
            _check_labels(scores, rows, predictor, folder, settings)
    return predictor


def _background(folder: Path) -> pl.DataFrame:
    path = folder / BACKGROUND_FILE
    try:
        return pl.read_parquet(path, n_rows=_ROWS)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise PackageError(
            f"{path} can't be read ({error}), so that nothing can be tried on it. Restore the package or build it "
            "again."
        ) from error


def _check_scores(scores: np.ndarray, n_rows: int, predictor: Predictor, folder: Path) -> None:
    classes = predictor.signature.classes
    fits = scores.shape == (n_rows, len(classes) if classes else 1) and bool(np.isfinite(scores).all())
    if fits and classes:
        sums = scores.sum(axis=1)
        fits = bool((scores >= -_TOLERANCE).all() and (abs(sums - 1) <= _TOLERANCE).all())
    if not fits:
        needed = f"{len(classes)} probabilities" if classes else "a number"
        raise PackageError(
            f"{folder} answers its own training rows with other values than {needed} for each. Don't use this "
            "package; build it again."
        )


def _check_labels(
    scores: np.ndarray, rows: pl.DataFrame, predictor: Predictor, folder: Path, settings: Settings
) -> None:
    """Compare the label that the graph gives by itself with that of the most probable class of the signature."""
    from workbench.package.entering import read_entry
    from workbench.package.graph_file import open_graph

    signature = predictor.signature
    session = open_graph(folder / GRAPH_FILE, settings)
    outputs = session.get_outputs()
    if not signature.classes or len(outputs) < 2:
        return
    entry = read_entry(folder, signature)
    arrays = signature.check(rows).arrays
    labels = session.run([outputs[0].name], entry(arrays) if entry else arrays)[0]
    if [str(label) for label in labels] != [str(label) for label in predictor.predict(rows)]:
        raise PackageError(
            f"{folder} has a graph whose labels aren't the classes of its signature in their order. Don't use this "
            "package; build it again."
        )
