"""Opening and explaining a published model from a notebook or the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.settings import Settings, current

if TYPE_CHECKING:
    from workbench.explain import Explanation, OcclusionMap
    from workbench.package import Predictor
    from workbench.registry import Version


def open_version(reference: str, *, settings: Settings | None = None) -> Version:
    """Open a published version: ``churn`` (its champion), ``churn@champion`` or ``churn/3``.

    Raises
    ------
    ModelNotFoundError
        If there is no such model, version or alias; the message lists what exists.
    """
    from workbench.registry import resolve

    return resolve(reference, settings=settings)


def explain_model(
    model: Version | str,
    rows: Any = None,
    *,
    n_rows: int | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> Explanation:
    """Explain a published model's answers in the user's own columns.

    Parameters
    ----------
    model : Version or str
        ``churn``, ``churn@champion`` or ``churn/3``.
    rows : Polars, pandas or Arrow frame, dict of lists or list of dict, optional
        The rows to explain; when absent the training rows that the version carries.
    n_rows : int, optional
        At most this many of them, drawn at random by `seed`, as on the Explain page. By default 100 of the carried
        rows, and all rows that are passed.
    **options
        ``engine``, ``n_background``, ``seed`` and ``background``, as `workbench.explain.explain` takes them.

    Raises
    ------
    ModelNotFoundError
        If there is no such model.
    InputError
        If the rows don't fit the model.
    ExplainError
        If the engine can't explain this model.
    """
    from workbench.explain.rows import EXPLAINED_ROWS

    settings = settings or current()
    version = open_version(model, settings=settings) if isinstance(model, str) else model
    if rows is None:
        rows, n_rows = version.background(), n_rows or EXPLAINED_ROWS
    return explain_package(version.folder, rows, n_rows=n_rows, settings=settings, **options)


def explain_image(
    model: Predictor | Version | str, image: Any, *, settings: Settings | None = None, **options: Any
) -> OcclusionMap:
    """Show which part of an image an answer rests on: each part is covered in turn, and the model asked again.

    Parameters
    ----------
    model : Predictor, Version or str
        Of images: what `load_model` or `run.model()` gives, or ``digits``, ``digits@champion``, ``digits/3``.
    image : array, path, bytes or frame of one row
    **options
        ``label`` and ``patch``, as `workbench.explain.explain_image` takes them.

    Raises
    ------
    ModelNotFoundError
        If there is no such model.
    ExplainError
        If the model takes no images, or has no such class.
    InputError
        If it isn't one image.
    """
    from workbench import explain
    from workbench.package import Predictor, load_predictor

    if not isinstance(model, Predictor):
        version = open_version(model, settings=settings) if isinstance(model, str) else model
        model = load_predictor(version.folder, settings=settings)
    return explain.explain_image(model, image, **options)


def explain_package(
    folder: Path, rows: Any, *, n_rows: int | None = None, settings: Settings, **options: Any
) -> Explanation:
    """Explain the answers of a package's model, in a worker that stores the result; asked again, give what is stored.

    SHAP's engines patch TensorFlow for the whole process, so they don't run in a notebook's. An own background stays
    here, since the worker reads the package's.
    """
    from workbench.explain import explain, start_explanation
    from workbench.explain.rows import sample_frame
    from workbench.package import load_predictor
    from workbench.package.reading import given_rows

    if isinstance(rows, str | Path):
        rows = given_rows(rows, folder, load_predictor(folder, settings=settings).signature)
    if options.get("background") is not None:
        if n_rows is not None:
            frame = load_predictor(folder, settings=settings).signature.check(rows).frame
            rows = sample_frame(frame, n_rows, options.get("seed", 0))
        return explain(folder, rows, settings=settings, **options)
    options.pop("background", None)
    return start_explanation(folder, rows, n_rows=n_rows, settings=settings, **options).result()
