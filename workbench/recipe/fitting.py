"""Fit a recipe on training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from workbench.data.spec import Task
from workbench.errors import RecipeError
from workbench.recipe.blocks import ArrayEngine, Blocks
from workbench.recipe.checking import check_frame
from workbench.recipe.columns import prepared
from workbench.recipe.entering import Entry
from workbench.recipe.families import FITTED_STEPS
from workbench.recipe.features import Features, Stage
from workbench.recipe.fitted import FittedRecipe
from workbench.recipe.fitted_step import InputType, Learning, listed
from workbench.recipe.spec import Impute, Step, columns_of
from workbench.recipe.values import ANSWER_MISSING


class Fitting:
    """The columns of the training rows, as the steps so far left them.

    Parameters
    ----------
    arrays : mapping of str to ndarray of shape (n_rows,)
        The columns as the column steps leave them; see `Entry.enter`.
    types : mapping of str to {"number", "string"}
    learning : Learning, optional
        Its target is that of the rows in `known`.
    known : ndarray of bool of shape (n_rows,), optional
        Rows whose target isn't missing; all when absent.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        types: Mapping[str, InputType],
        learning: Learning | None = None,
        known: np.ndarray | None = None,
    ) -> None:
        self.types = dict(types)  # changes as text becomes numbers
        self.engine = ArrayEngine(dict(arrays))
        self.raw_types = dict(types)
        self.blocks = Blocks(self.engine, self.raw_types)
        self.features = Features(list(types))
        self.stages: list[Stage] = []
        self.learning = learning or Learning()
        self.known = known

    def apply(self, step_index: int, step: Step) -> list[str]:
        """Fit a learned step and apply it; numbers and text are fitted apart.

        Returns
        -------
        list of str
            The columns that it changed.
        """
        wanted = columns_of(step) or (self._numbers() if FITTED_STEPS[step.step].joins else ())
        names = [column for column in wanted if column in self.types]
        for kind in ("number", "string"):
            columns = [column for column in names if self.types.get(column) == kind]  # pca takes columns away
            if columns:
                self._fit_stage(step_index, step, columns)
        return names

    def _numbers(self) -> tuple[str, ...]:
        return tuple(name for name in self.features.of if self.types[name] == "number")

    def _fit_stage(self, step_index: int, step: Step, columns: list[str]) -> None:
        X = self.blocks.take(columns)
        family = FITTED_STEPS[step.step]
        if family.joins:
            names = self.features.names(columns)
        else:  # a message names the column, not one of its features
            names = [name for name in columns for _ in range(self.blocks.width(name))]
        partly = self.known is not None and family.needs_target
        try:
            fitted = family.fit(step, X[self.known] if partly else X, names, self.learning)
        except RecipeError as error:
            raise RecipeError(f"Step {step_index + 1}, {error}" if step_index >= 0 else str(error)) from error
        result = fitted.transform(X) if partly else fitted.fitted_values(X)
        stage = self.features.stage(step_index, columns, fitted)
        self.blocks.put(result, stage.outputs, stage.widths)
        for column in columns:
            if column not in stage.outputs:
                del self.types[column]
        kind: InputType = "string" if result.dtype == object else "number"
        self.types.update(dict.fromkeys(stage.outputs, kind))
        self.stages.append(stage)

    def values(self, column: str) -> np.ndarray:
        """Give a column as it is now, of shape (n_rows, its features)."""
        return self.blocks.take([column])

    def raw(self, column: str) -> np.ndarray:
        """Give a column as it was before all learned steps, of shape (n_rows, 1)."""
        return self.engine.load([column], self.raw_types[column])

    def result(self) -> np.ndarray:
        """Give all features, of shape (n_rows, n_features)."""
        return np.ascontiguousarray(self.blocks.take(list(self.features.of)))

    def incomplete(self) -> list[bool]:
        """Say for each feature whether it is missing in some row."""
        columns = list(self.features.of)
        raw = [name for name in columns if not self.blocks.is_loaded(name)]
        if raw:
            self.blocks.take(raw)
        return self.blocks.incomplete(columns)

    def answer_missing(self, steps: Sequence[Step]) -> None:
        """Let columns that are complete in training answer a missing value at prediction, with their median."""
        learned: dict[str, str] = {}
        for step in steps:
            if step.step in FITTED_STEPS:
                for column in columns_of(step):
                    learned.setdefault(column, step.step)
        columns = [
            name for name, kind in self.types.items() if kind == "number" and learned.get(name) not in ANSWER_MISSING
        ]
        if columns:
            missing = np.isnan(self.blocks.take(columns)).any(axis=0)
            complete = [name for name, some in zip(columns, missing, strict=True) if not some]
            if complete:
                self._fit_stage(-1, Impute(columns=tuple(complete), strategy="median"), complete)


def fit_recipe(
    steps: Sequence[Step],
    frame: pl.DataFrame,
    *,
    target: str,
    task: Task | None = None,
    handles_missing: bool = True,
    seed: int = 0,
    orders: Mapping[str, Sequence[str]] | None = None,
) -> FittedRecipe:
    """Fit the learned steps on training rows.

    Row steps are skipped: they have decided which rows `frame` has. A number column without a missing value in training
    that no step imputes or encodes gets its training median where it is missing at prediction time, since no estimator
    has seen a missing value there.

    Parameters
    ----------
    steps : sequence of Step
        Disabled ones are skipped.
    frame : DataFrame
        Training rows only, raw, with the target.
    target : str
    task : {"classification", "regression"}, optional
        Suggested by the target where a step needs it and it is absent.
    handles_missing : bool, default True
        Whether the estimator takes missing values.
    seed : int, default 0
        Of the folds of cross-fitted steps, and whatever else is drawn.
    orders : mapping of str to sequence of str, optional
        Words of raw columns that are ordered categories, the lowest first, as `Table.orders` gives them; a column of
        Polars' type Enum tells its own.

    Raises
    ------
    RecipeError
        If a step can't take its columns, a column has nothing to learn from (all missing in the training rows), too
        many categories, or text or missing values remain that the estimator can't take.

    Examples
    --------
    >>> from workbench.recipe.spec import OneHot, Standardize
    >>> frame = pl.DataFrame({"sex": ["f", "m", "f"], "age": [30.0, 40.0, 50.0], "y": [0, 1, 1]})
    >>> recipe = fit_recipe([OneHot(columns=["sex"]), Standardize(columns=["age"])], frame, target="y")
    >>> recipe.feature_names
    ['sex=f', 'sex=m', 'age']
    >>> recipe.transform(pl.DataFrame({"sex": ["x"], "age": [40.0]}))
    array([[0., 0., 0.]])
    """
    recipe, _ = _fit(steps, frame, orders, target=target, task=task, handles_missing=handles_missing, seed=seed)
    return recipe


def fit_and_transform(
    steps: Sequence[Step],
    frame: pl.DataFrame,
    *,
    target: str,
    task: Task | None = None,
    handles_missing: bool = True,
    seed: int = 0,
    orders: Mapping[str, Sequence[str]] | None = None,
) -> tuple[FittedRecipe, np.ndarray]:
    """Fit the learned steps, and give the training rows' features as an estimator should learn from them.

    They differ from ``transform`` where a step is cross-fitted: no row's value there comes from its own target. See
    `fit_recipe` for the parameters.

    Returns
    -------
    recipe : FittedRecipe
    X : ndarray of shape (n_rows, n_features), float64
    """
    recipe, fitting = _fit(steps, frame, orders, target=target, task=task, handles_missing=handles_missing, seed=seed)
    return recipe, fitting.result()


def _fit(
    steps: Sequence[Step],
    frame: pl.DataFrame,
    orders: Mapping[str, Sequence[str]] | None,
    *,
    target: str,
    task: Task | None,
    handles_missing: bool,
    seed: int,
) -> tuple[FittedRecipe, Fitting]:
    enabled = tuple(step for step in steps if step.enabled)
    check_frame(steps, frame, target)
    if not frame.height:
        raise RecipeError("Got no training rows, needed at least one. Look at the row steps and the split.")
    entry = Entry.of(frame, enabled, target, orders)
    learned = [(index, step) for index, step in enumerate(steps) if step.enabled and step.family == "learned"]
    learning = Learning(task=task, seed=seed)
    if any(FITTED_STEPS[step.step].needs_target for _, step in learned):
        learning = _learning(enabled, frame, target, task, seed)
    learning = replace(learning, orders=entry.orders)
    fitting = Fitting(entry.enter(frame), entry.inner_types, learning)
    fitting.answer_missing(enabled)
    for index, step in learned:
        fitting.apply(index, step)
    if not handles_missing:
        _refuse_missing(fitting)
    return FittedRecipe(steps=enabled, entry=entry, stages=fitting.stages), fitting


def _learning(steps: Sequence[Step], frame: pl.DataFrame, target: str, task: Task | None, seed: int) -> Learning:
    from workbench.data.targets import encode_target, suggest_task

    values = prepared(frame, steps, columns=[target], target=target)[target]
    task = task or suggest_task(values)
    y, classes = encode_target(values, task)
    return Learning(y, task, seed, tuple(classes or ()))


def _refuse_missing(fitting: Fitting) -> None:
    result = fitting.incomplete()
    features = fitting.features.all()
    incomplete = list(
        dict.fromkeys(
            feature.columns[0] if len(feature.columns) == 1 else feature.name
            for feature, some in zip(features, result, strict=True)
            if some
        )
    )
    if incomplete:
        raise RecipeError(
            f"Got missing values in column {listed(incomplete)} of the training rows, needed none for this estimator. "
            "Add an impute step (infinite numbers count as missing, too)."
        )
