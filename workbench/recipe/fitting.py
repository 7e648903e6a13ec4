"""Fit a recipe on training rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from workbench.data.encoding import input_type
from workbench.errors import RecipeError
from workbench.recipe.blocks import ArrayEngine, Blocks, read_columns
from workbench.recipe.checking import check_frame
from workbench.recipe.families import FITTED_STEPS
from workbench.recipe.fitted import FittedRecipe, Stage
from workbench.recipe.fitted_step import InputType, Learning, listed
from workbench.recipe.spec import DropColumns, Impute, Step, columns_of

# After these a missing value is something else, so that they answer missing values at prediction time by themselves.
ANSWER_MISSING = ("impute", "one_hot", "ordinal")


class Fitting:
    """The columns of the training rows, as the steps so far left them."""

    def __init__(self, frame: pl.DataFrame, columns: list[str]) -> None:
        types: dict[str, InputType] = {}
        schema = frame.schema  # built anew at each access, which thousands of columns feel
        for column in columns:
            kind = input_type(schema[column])
            if kind != "datetime":
                types[column] = kind
        self.input_types = types
        self.types = dict(types)  # changes as text becomes numbers
        self.engine = ArrayEngine(read_columns(frame, types))
        self.blocks = Blocks(self.engine, types)
        self.stages: list[Stage] = []

    def apply(self, step_index: int, step: Step) -> list[str]:
        """Fit a learned step and apply it; numbers and text are fitted apart.

        Returns
        -------
        list of str
            The columns that it changed.
        """
        names = [column for column in getattr(step, "columns", None) or () if column in self.types]
        for kind in ("number", "string"):
            columns = [column for column in names if self.types[column] == kind]
            if columns:
                self._fit_stage(step_index, step, columns)
        return names

    def _fit_stage(self, step_index: int, step: Step, columns: list[str]) -> None:
        X = self.blocks.take(columns)
        features = [name for name in columns for _ in range(self.blocks.width(name))]
        try:
            fitted = FITTED_STEPS[step.step].fit(step, X, features, Learning())
        except RecipeError as error:
            raise RecipeError(f"Step {step_index + 1}, {error}" if step_index >= 0 else str(error)) from error
        result = fitted.transform(X)
        labels = fitted.labels()
        widths = [len(found) for found in labels] if labels else [self.blocks.width(name) for name in columns]
        self.blocks.put(result, columns, widths)
        if result.dtype != object:
            self.types.update(dict.fromkeys(columns, "number"))
        self.stages.append(Stage(step_index, columns, widths, fitted))

    def raw(self, column: str) -> np.ndarray:
        """Give a column as it was before all steps, of shape (n_rows, 1)."""
        return self.engine.load([column], self.input_types[column])

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
    steps: Sequence[Step], frame: pl.DataFrame, *, target: str, handles_missing: bool = True
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
        Training rows only, with the target.
    target : str
    handles_missing : bool, default True
        Whether the estimator takes missing values.

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
    enabled = tuple(step for step in steps if step.enabled)
    check_frame(steps, frame, target)
    if not frame.height:
        raise RecipeError("Got no training rows, needed at least one. Look at the row steps and the split.")
    dropped = {column for step in enabled if isinstance(step, DropColumns) for column in step.columns}
    columns = [name for name in frame.columns if name != target and name not in dropped]
    fitting = Fitting(frame, columns)
    fitting.answer_missing(enabled)
    for index, step in enumerate(steps):
        if step.enabled and step.step in FITTED_STEPS and not dropped.issuperset(columns_of(step)):
            fitting.apply(index, step)
    if not handles_missing:
        _refuse_missing(fitting, columns)
    return FittedRecipe(steps=enabled, input_columns=columns, input_types=fitting.input_types, stages=fitting.stages)


def _refuse_missing(fitting: Fitting, columns: list[str]) -> None:
    incomplete = [name for name in columns if np.isnan(fitting.blocks.take([name])).any()]
    if incomplete:
        raise RecipeError(
            f"Got missing values in column {listed(incomplete)} of the training rows, needed none for this estimator. "
            "Add an impute step (infinite numbers count as missing, too)."
        )
