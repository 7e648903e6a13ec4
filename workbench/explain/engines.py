"""Choosing an engine and explaining the rows of a package, where this is called."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import polars as pl

from workbench.errors import ExplainError, PackageError
from workbench.explain.library import Computed, explain_gradients, explain_kernel, explain_linear, explain_trees
from workbench.explain.native import NativePackage, load_native
from workbench.explain.result import Engine, Explanation, additivity_error
from workbench.explain.rows import N_BACKGROUND, background_frame, explain_rows, refuse_images
from workbench.explain.shapley import Progress
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.package import Predictor

AFFORDABLE_SECONDS = 60.0
MANY_COLUMNS = 100
JOINT = "features are made of several columns at once, which no engine can share out among them"


def explain(
    package_folder: Path | str,
    rows: Any,
    *,
    engine: Engine = "auto",
    background: Any = None,
    n_background: int = N_BACKGROUND,
    seed: int = 0,
    on_progress: Progress | None = None,
    settings: Settings | None = None,
) -> Explanation:
    """Explain rows of a package's model in its raw columns.

    Parameters
    ----------
    package_folder : Path
    rows : Polars, pandas or Arrow frame, dict of lists or list of dict
    engine : {"auto", "tree", "linear", "permutation", "gradient", "kernel"}
        ``auto`` takes ``tree`` for forests (while affordable) and boosting, ``linear`` for linear models,
        ``gradient`` for networks with more than 100 columns, and else ``permutation``, which works for every model.
        ``tree``, ``linear`` and ``gradient`` see the recipe's features and add them up to the raw columns, which works
        where each feature comes from one column: not after `pca`, or with a column that was calculated from several.
    background : same kinds as rows, optional
        By default the package's training rows; ``tree`` uses none.
    n_background : int
        Background rows used; more are sampled by `seed`.
    seed : int
    on_progress : callable, optional
        Called with the share that is done, from 0 to 1.

    Returns
    -------
    Explanation
        Forests and networks in probabilities, boosting and linear classifiers in log-odds, regressions in the target's
        unit; ``permutation`` and ``kernel`` always in probabilities or the target's unit.

    Raises
    ------
    InputError
        If the rows don't fit the model's signature.
    ExplainError
        If the engine can't explain this model.
    IntegrityError, PackageError
        If the package is damaged.
    """
    from workbench.package import load_predictor

    if engine not in get_args(Engine):
        raise ExplainError(f"Got the engine {engine!r}, needed one of {', '.join(get_args(Engine))}. Choose one.")
    started = time.monotonic()
    folder = Path(package_folder)
    predictor = load_predictor(folder, settings=settings)
    refuse_images(predictor)
    frame = predictor.signature.check(rows).frame
    native = _native(folder, engine)
    chosen = choose_engine(native, frame.height, frame.width) if engine == "auto" else engine
    if chosen == "permutation":
        explanation = explain_rows(
            predictor, rows, background=background, n_background=n_background, seed=seed, on_progress=on_progress
        )
        if native is not None and native.recipe.joint:
            return replace(explanation, method=f"{explanation.method}; {JOINT}")
        return explanation
    if native is not None and native.recipe.joint:
        raise ExplainError(
            f"Got engine={chosen!r} for a model where {JOINT}. Needed features of one column each; use "
            "engine='permutation'."
        )
    others = background_frame(predictor, background, n_background, seed)
    computed = _compute(chosen, predictor, native, frame, others, seed, on_progress)
    n_others = 0 if chosen == "tree" else others.height
    return _collect(chosen, computed, predictor, native, frame, n_others, seed, time.monotonic() - started)


def choose_engine(native: NativePackage | None, n_rows: int, n_columns: int) -> Engine:
    """Choose what ``auto`` means for a model."""
    if native is None or native.recipe.joint:
        return "permutation"
    if native.family == "boosting" or (native.family == "forest" and native.tree_seconds(n_rows) < AFFORDABLE_SECONDS):
        return "tree"
    if native.family == "linear":
        return "linear"
    return "gradient" if native.family == "network" and n_columns > MANY_COLUMNS else "permutation"


def _native(folder: Path, engine: Engine) -> NativePackage | None:
    if engine in ("permutation", "kernel"):
        return None
    try:
        return load_native(folder)
    except (ExplainError, PackageError):
        if engine == "auto":
            return None
        raise


def _compute(
    engine: Engine,
    predictor: Predictor,
    native: NativePackage | None,
    frame: pl.DataFrame,
    background: pl.DataFrame,
    seed: int,
    on_progress: Progress | None,
) -> Computed:
    if native is None:
        return explain_kernel(predictor, frame, background, seed, on_progress)
    if engine == "tree":
        return explain_trees(native, frame, on_progress)
    if engine == "linear":
        return explain_linear(native, frame, background, on_progress)
    return explain_gradients(native, frame, background, seed, on_progress)


def _collect(
    engine: str,
    computed: Computed,
    predictor: Predictor,
    native: NativePackage | None,
    frame: pl.DataFrame,
    n_background: int,
    seed: int,
    seconds: float,
) -> Explanation:
    values, base, outputs, space, method = computed
    if native is not None:
        values = native.sum_by_column(values, frame.columns)
    signature = predictor.signature
    return Explanation(
        shap_values=values,
        base_values=base,
        outputs=outputs,
        data=predictor.signature.in_order(frame),
        classes=None if signature.classes is None else list(signature.classes),
        target=signature.target,
        output_space=space or f"unit of {signature.target}",
        engine=engine,
        method=method,
        background_rows=n_background,
        seed=seed,
        additivity_error=additivity_error(values, base, outputs),
        seconds=seconds,
    )
