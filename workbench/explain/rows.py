"""Explaining rows in this process, through the package's graph alone: what-if, service, networks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.errors import ExplainError
from workbench.explain.result import Explanation, additivity_error
from workbench.explain.shapley import CodedRows, Plan, Progress, exact_shapley, make_plan, sampled_shapley

if TYPE_CHECKING:
    from workbench.package import Predictor

N_BACKGROUND = 100
EXPLAINED_ROWS = 100  # where nobody says how many: on the Explain page, in Python and in what it shows as code


def explain_rows(
    predictor: Predictor,
    rows: Any,
    *,
    background: Any = None,
    n_background: int = N_BACKGROUND,
    n_permutations: int | None = None,
    max_evaluations: int | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    on_progress: Progress | None = None,
) -> Explanation:
    """Explain rows by interventional Shapley values over raw columns, computed on the package's graph; see `shapley`.

    Parameters
    ----------
    predictor : Predictor
    rows : Polars, pandas or Arrow frame, dict of lists or list of dict
        The rows to explain; columns that the model doesn't know are ignored.
    background : same kinds, optional
        What to compare with; by default the package's own training rows.
    n_background : int
        Background rows used; more are sampled by `seed`.
    n_permutations : int, optional
        Antithetic pairs of permutations for each background row. By default chosen from the number of rows and columns,
        and all coalitions are enumerated where these are few.
    max_evaluations : int, optional
        Mixed rows to score at most; see `shapley.make_plan` for the default.
    seed : int
        Same seed, same values.
    time_limit : float, optional
        Seconds after which no further permutation is begun; gives up repeatability for speed.

    Returns
    -------
    Explanation
        In probabilities or in the unit of the target; additive up to rounding.

    Raises
    ------
    InputError
        If rows don't fit the model's signature.
    ExplainError
        If the model has no columns, or there is no background.
    """
    started = time.monotonic()
    refuse_images(predictor)
    frame = predictor.signature.check(rows).frame
    others = background_frame(predictor, background, n_background, seed)
    if not frame.width:
        raise ExplainError("Got a model without columns, needed at least one to explain. Train with columns.")
    plan = make_plan(frame.height, frame.width, others.height, n_pairs=n_permutations, max_evaluations=max_evaluations)
    coded = CodedRows(frame, sample_frame(others, plan.n_background, seed), frame.columns, predictor.scores)
    if plan.exact:
        values, base, outputs = exact_shapley(coded, on_progress=on_progress)
    else:
        limits: dict[str, Any] = {"n_pairs": plan.n_pairs, "time_limit": time_limit}
        values, base, outputs = sampled_shapley(coded, seed=seed, on_progress=on_progress, **limits)
    signature = predictor.signature
    return Explanation(
        shap_values=values,
        base_values=base,
        outputs=outputs,
        data=predictor.signature.in_order(frame),
        classes=None if signature.classes is None else list(signature.classes),
        target=signature.target,
        output_space="probability" if signature.classes is not None else f"unit of {signature.target}",
        engine="permutation",
        method=_method(plan, coded),
        background_rows=len(coded.background),
        seed=seed,
        additivity_error=additivity_error(values, base, outputs),
        seconds=time.monotonic() - started,
    )


def refuse_images(predictor: Predictor) -> None:
    """Refuse a model of images, whose one column can't be shared out.

    Raises
    ------
    ExplainError
    """
    if predictor.signature.image is not None:
        raise ExplainError(
            "Got a model of images, needed one of columns: Shapley values share an answer out among columns, and this "
            "model has one. Use explain_image, which shows the part of an image that an answer rests on."
        )


def background_frame(predictor: Predictor, background: Any, n_background: int, seed: int) -> pl.DataFrame:
    """Give the checked background rows, at most `n_background` of them.

    Raises
    ------
    ExplainError
        If the package has none and none were passed.
    """
    if background is None:
        path = None if predictor.folder is None else predictor.folder / "background.parquet"
        if path is None or not path.is_file():
            raise ExplainError(
                f"Got a package without background rows ({path}), needed some to compare with. Pass `background`."
            )
        background = pl.read_parquet(path)
    return sample_frame(predictor.signature.check(background).frame, n_background, seed)


def sample_frame(frame: pl.DataFrame, n_rows: int, seed: int) -> pl.DataFrame:
    """Take a random sample of rows in their order, the same for the same seed; all of them when there are few."""
    if frame.height <= n_rows:
        return frame
    return frame[np.sort(np.random.default_rng(seed).choice(frame.height, size=n_rows, replace=False))]


def _method(plan: Plan, coded: CodedRows) -> str:
    how = (
        f"all {2 ** len(coded.columns):,} coalitions of {len(coded.columns)} columns"
        if plan.exact
        else f"{2 * plan.n_pairs:,} antithetic permutations for each background row"
    )
    return f"interventional Shapley values on the graph: {how}, {coded.n_evaluations:,} rows scored"
