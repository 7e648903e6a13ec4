"""What would this have leaked? The same recipe fitted as it should be, and as it is often done, side by side."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.errors import SplitError, WorkbenchError
from workbench.settings import Settings, current
from workbench.training.hardware import usable_cores
from workbench.training.leak_words import differences
from workbench.training.preparing import Preparation
from workbench.training.quick_looks import prepare, quick, sampled
from workbench.training.spec import RunSpec

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.data import Table
    from workbench.evaluation.measures import Weighted
    from workbench.recipe import FittedRecipe

HONEST, LEAKED = "training rows", "all rows"
_LEAK_CODES = ("WB101", "WB102", "WB103", "WB105")
_SHOWN = {"classification": ("roc_auc", "accuracy"), "regression": ("rmse", "r2")}


@dataclass(frozen=True)
class LeakComparison:
    """Scores of one recipe whose learned steps saw the training rows only, and all rows.

    Parameters
    ----------
    scores : DataFrame
        See `frame`.
    findings : tuple of str
        What the difference is, what each learned step learned differently, and which columns leak.
    metric : str
        The one to look at first.
    estimator : str
        What both were measured with.
    n_rows, n_rows_total : int
        Rows that were looked at, and rows of the table.
    n_test : int
        Held-out rows that were scored.
    """

    scores: pl.DataFrame = field(repr=False)
    findings: tuple[str, ...]
    metric: str
    estimator: str
    n_rows: int
    n_rows_total: int
    n_test: int

    def frame(self) -> pl.DataFrame:
        """Give one row a way of fitting and metric: ``fitted_on``, ``metric``, ``score``."""
        return self.scores

    def plot(self) -> go.Figure:
        """Draw the scores as bars."""
        from workbench import plots

        said = f"{self.n_test:,} rows, {self.estimator.replace('_', ' ')}"
        return plots.leak_bars(self.scores, metric=self.metric, said=said)


def leak_comparison(spec: RunSpec, *, n_rows: int = 20_000, settings: Settings | None = None) -> LeakComparison:
    """Fit the learned steps of a recipe on the training rows, and once on all rows; score both on the same rows.

    The second way is what happens where a table is prepared first and split afterwards: every learned step has seen the
    held-out rows, and a step that learns from the target (target encoding, selection) has seen their answers. The
    estimator, rows and seed are the same, and target encoding is fitted without cross-fitting there. Where the recipe
    keeps columns that the checks call leaks, a third score is without them.

    A network is stood in for by logistic or linear regression, which is said. Steps that balance the classes are passed
    over.

    Parameters
    ----------
    spec : RunSpec
    n_rows : int
        Of a larger table a random sample is taken; of one with more than 200,000 rows the 10,000 that are kept beside
        it.
    settings : Settings, optional

    Raises
    ------
    WorkbenchError
        As a run of the spec; a `SplitError` where it holds no rows out.

    Examples
    --------
    >>> spec = RunSpec.parse(
    ...     {
    ...         "data": {"source": "iris", "target": "species"},
    ...         "recipe": [{"step": "standardize", "columns": ["petal_length"]}],
    ...         "estimator": {"name": "logistic_regression"},
    ...     }
    ... )
    >>> leak_comparison(spec).frame()["fitted_on"].unique(maintain_order=True).to_list()
    ['training rows', 'all rows']
    """
    from workbench.data import resolve

    settings = settings or current()
    whole = resolve(spec.opened_data, settings=settings)
    table = sampled(whole, n_rows)
    chosen = quick(spec, whole)
    rows = prepare(chosen, table, settings)
    held_out = rows.split.test if len(rows.split.test) else rows.split.validation
    if not len(held_out):
        raise SplitError(
            "Got a split without test and validation rows, needed held-out rows to score. Set test to 0.2 or more."
        )
    honest, leaked = _fitted(rows, held_out)
    ways = [honest, leaked]
    columns, without = _without_leaks(chosen, table, settings, held_out, rows)
    ways += [without] if without else []
    metric = next(name for name in _SHOWN[rows.task] if name in honest.scores)
    said = [_notes(spec, chosen), _sample_said(table, whole), _compared(honest, leaked, metric, rows)]
    said += differences(honest.recipe, leaked.recipe, rows.target) or ["The recipe has no step that learns."]
    said.append(_leaks_said(columns, honest, without, metric))
    scores = [
        (way.fitted_on, name, way.scores[name]) for way in ways for name in _SHOWN[rows.task] if name in way.scores
    ]
    return LeakComparison(
        scores=pl.DataFrame(
            scores, schema={"fitted_on": pl.String, "metric": pl.String, "score": pl.Float64}, orient="row"
        ),
        findings=tuple(sentence for sentence in said if sentence),
        metric=metric,
        estimator=chosen.estimator.name,
        n_rows=table.n_rows,
        n_rows_total=whole.n_rows,
        n_test=len(held_out),
    )


@dataclass(frozen=True)
class _Way:
    """One way of fitting, scored on the held-out rows."""

    fitted_on: str
    recipe: FittedRecipe
    predicted: np.ndarray
    labels: np.ndarray
    scores: dict[str, float]


def _fitted(rows: Preparation, held_out: np.ndarray) -> tuple[_Way, _Way]:
    from workbench.recipe import fit_and_transform, fit_recipe

    how: dict[str, Any] = {
        "target": rows.target,
        "task": rows.task,
        "handles_missing": rows.entry.handles_missing,
        "seed": rows.spec.seed,
        "orders": rows.table.orders,
    }
    train, test = rows.raw(rows.split.train), rows.raw(held_out)
    recipe, X_train = fit_and_transform(rows.steps, train, **how)
    honest = _scored(HONEST, rows, recipe, X_train, recipe.transform(test), held_out)
    everything = rows.raw(np.sort(np.concatenate([rows.split.learning, rows.split.test])))
    careless = fit_recipe(rows.steps, everything, **how)
    leaked = _scored(LEAKED, rows, careless, careless.transform(train), careless.transform(test), held_out)
    return honest, leaked


def _scored(
    fitted_on: str, rows: Preparation, recipe: FittedRecipe, X: np.ndarray, X_test: np.ndarray, held_out: np.ndarray
) -> _Way:
    from workbench.estimators.models import build_sklearn, wrap_model
    from workbench.estimators.scaling import Scaling, find_scaling
    from workbench.evaluation import evaluate_predictions

    estimator = build_sklearn(rows.entry, rows.params, task=rows.task, seed=rows.spec.seed, n_jobs=usable_cores())
    y = rows.y[rows.split.train]
    scaling = find_scaling(rows.entry, rows.params, X, y, task=rows.task) or Scaling()  # as the run itself does
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both are stopped at the same place, and the run itself says it
        estimator.fit(scaling.rows(X), scaling.targets(y))
    model = wrap_model(estimator, rows.entry, X, task=rows.task, classes=rows.classes)
    model.scaling = scaling
    labels, predicted = rows.labels(held_out), model.scores(X_test)
    scores = evaluate_predictions(labels, predicted, task=rows.task, classes=rows.classes)
    return _Way(fitted_on, recipe, predicted, labels, scores)


def _compared(honest: _Way, leaked: _Way, metric: str, rows: Preparation) -> str:
    """Say the difference, and whether it may be chance."""
    from workbench.evaluation.curves import bootstrap_interval
    from workbench.evaluation.metrics import check_predictions, metrics_for, weighted_metric
    from workbench.plots.panels import metric_title

    a, b = honest.scores[metric], leaked.scores[metric]
    title = metric_title(metric)
    both = (
        f"Fitted on the training rows, {title} is {a:.4g} on {len(honest.labels):,} held-out rows; on all rows {b:.4g}"
    )
    better = metrics_for(rows.task)[metric].better == "higher"
    gain = (b - a) if better else (a - b)
    measured: list[Weighted] = []
    for way in (leaked, honest):
        y, scores = check_predictions(way.labels, way.predicted, task=rows.task, classes=rows.classes)
        measured.append(weighted_metric(metric, y, scores, task=rows.task))

    def difference(weights: np.ndarray) -> float | None:
        with_all, without = measured[0](weights), measured[1](weights)
        return None if with_all is None or without is None else with_all - without

    interval = bootstrap_interval(difference, len(honest.labels), n_resamples=300)
    told = f" (difference {b - a:+.2g}, 95 % interval {interval[0]:+.2g} to {interval[1]:+.2g})" if interval else ""
    sure = interval is not None and (interval[0] > 0 or interval[1] < 0)
    if not sure:
        verdict = "no difference that couldn't be chance. These steps leak little here; fitting them on training rows "
        return f"{both}{told}: {verdict}costs nothing and is right in any case."
    if gain > 0:
        return f"{both}{told}: prepared before the split, the recipe would have promised more than it keeps."
    return f"{both}{told}: prepared before the split, the scores would have been different from what the model can do."


def _without_leaks(
    spec: RunSpec, table: Table, settings: Settings, held_out: np.ndarray, rows: Preparation
) -> tuple[tuple[str, ...], _Way | None]:
    """Score the honest way without the columns that the checks call leaks."""
    from workbench.recipe.checks import Remedy, apply_remedy, check_data
    from workbench.recipe.spec import DropColumns

    checks = check_data(
        table, target=rows.target, task=rows.task, steps=rows.steps, split=rows.spec.split, seed=spec.seed
    )
    columns = tuple(dict.fromkeys(name for check in checks if check.code in _LEAK_CODES for name in check.columns))
    if not columns:
        return (), None
    steps = apply_remedy(rows.steps, Remedy("", (DropColumns(columns=columns),)))
    try:
        way, _ = _fitted(replace(rows, steps=steps), held_out)
    except WorkbenchError:  # nothing would be left to learn from
        return columns, None
    return columns, replace(way, fitted_on=f"{HONEST}, without {', '.join(columns)}")


def _leaks_said(columns: tuple[str, ...], honest: _Way, without: _Way | None, metric: str) -> str:
    if not columns:
        return ""
    from workbench.plots.panels import metric_title

    shown = ", ".join(columns)
    verb = "is kept, although it gives" if len(columns) == 1 else "are kept, although they give"
    told = f"{shown} {verb} the answer away, or may: no way of fitting helps against that."
    if without is None or metric not in without.scores:
        return told
    title = metric_title(metric)
    return f"{told} With {shown}, {title} is {honest.scores[metric]:.4g}, without {without.scores[metric]:.4g}."


def _notes(spec: RunSpec, chosen: RunSpec) -> str:
    if spec.estimator.name == chosen.estimator.name:
        return ""
    return (
        f"Measured with {chosen.estimator.name}, which stands in for {spec.estimator.name}: training a network twice "
        "would take too long for a look."
    )


def _sample_said(table: Table, whole: Table) -> str:
    if table.n_rows == whole.n_rows:
        return ""
    return f"Seen in a random sample of {table.n_rows:,} of {whole.n_rows:,} rows."
