"""A run without a target: groups of rows, or outliers, from a RunSpec to a package.

What is found is answered as a class of a column that the table doesn't have, so that packages, services and
explanations take it like any other classifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from workbench.data.spec import AnyTask
from workbench.errors import EstimatorError, RecipeError, SplitError
from workbench.estimators.catalogue import check_params
from workbench.estimators.catalogue import entry as find_entry
from workbench.settings import Settings
from workbench.training import state as files
from workbench.training.dividing import given_train_rows
from workbench.training.group_profiles import describe_groups
from workbench.training.grouping import fit_groups, silhouette
from workbench.training.history import HistoryWriter
from workbench.training.live import Live
from workbench.training.preparing import Preparation, bounded
from workbench.training.progress import Progress
from workbench.training.results import stopped_early
from workbench.training.spec import RunSpec
from workbench.training.state import Status

if TYPE_CHECKING:
    from workbench.data import Split, Table
    from workbench.estimators.groups import ArrayModel
    from workbench.evaluation.groups import GroupTask
    from workbench.recipe import FittedRecipe

_NAMES: dict[AnyTask, str] = {"clustering": "cluster", "outlier_detection": "outlier"}
NEEDS_TARGET = ("target_encode", "select_best", "balance")


@dataclass(frozen=True)
class WithoutTarget(Preparation):
    """A run's rows, with a column in the place of the target that says nothing."""

    stand_in: str = "cluster"

    @property
    def target(self) -> str:
        """The name that the answers get; no column of the table is called so."""
        return self.stand_in

    def raw(self, rows: np.ndarray) -> pl.DataFrame:
        """Give rows with all columns as the table has them, and the stand-in."""
        return super().raw(rows).with_columns(pl.lit(0, dtype=pl.Int64).alias(self.stand_in))

    def answered(self, rows: np.ndarray) -> pl.DataFrame:
        """Give rows as `raw` does."""
        return self.raw(rows)


def task_of(spec: RunSpec) -> AnyTask:
    """Give the task of a spec whose estimator needs no target.

    Raises
    ------
    EstimatorError
        If the task that it names isn't one of the estimator's.
    """
    entry = find_entry(spec.estimator.name)
    task = spec.data.task or entry.tasks[0]
    if task not in entry.tasks:
        raise EstimatorError(
            f"Got {entry.name} for {task}, needed an estimator for it: {entry.name} does {' and '.join(entry.tasks)}. "
            "Choose another estimator, or leave the task out."
        )
    if spec.data.target:
        raise EstimatorError(
            f"Got {entry.name} with the target {spec.data.target!r}; it learns without one. Remove the target (and "
            "drop the column in the recipe, if the groups shouldn't follow it), or choose another estimator."
        )
    return task


def prepare_without_target(spec: RunSpec, table: Table, settings: Settings) -> WithoutTarget:
    """Check the recipe, find the rows and divide them.

    Raises
    ------
    WorkbenchError
        If the data, the recipe, the estimator or the split refuse.
    """
    from workbench.data import split_rows
    from workbench.data.table import describe_columns
    from workbench.recipe import check_recipe, find_rows

    entry = find_entry(spec.estimator.name)
    stand_in = _free_name(_NAMES[task_of(spec)], table)
    params = check_params(entry, spec.estimator.params)
    _refuse_steps(spec)
    nothing = pl.DataFrame({stand_in: [0]})
    check_recipe(
        spec.recipe, [*table.columns, *describe_columns(nothing)], stand_in, handles_missing=entry.handles_missing
    )
    positions = find_rows(table, spec.recipe)
    decided = _decisive(table, spec, positions, stand_in)
    split = split_rows(
        decided,
        spec.split.model_copy(update={"stratify": False}),
        target=stand_in,
        task="classification",
        seed=spec.seed,
        n_train_rows=given_train_rows(table),
        positions=positions,
    )
    whole = WithoutTarget(
        spec, table, "classification", entry, params, tuple(spec.recipe), None, positions, decided, split, [],
        np.zeros(len(positions), dtype=np.int64), [0], (), len(split.train), settings, stand_in,
    )  # fmt: skip
    return bounded(whole)


def _refuse_steps(spec: RunSpec) -> None:
    if spec.split.folds:
        raise SplitError(
            f"Got {spec.split.folds} folds for {spec.estimator.name}, which has no target to validate. Remove `folds`."
        )
    for number, step in enumerate(spec.recipe, start=1):
        if step.enabled and step.step in NEEDS_TARGET:
            raise RecipeError(
                f"Step {number} ({step.step}): got a run without a target, which this step learns from. Remove it."
            )


def _decisive(table: Table, spec: RunSpec, positions: np.ndarray, stand_in: str) -> pl.DataFrame:
    from workbench.recipe import prepared

    column = spec.split.column if spec.split.by != "random" else None
    if column is None:
        return pl.DataFrame({stand_in: np.zeros(len(positions), dtype=np.int8)})
    table.column(column)  # refuses one that isn't there, and names the nearest
    frame = prepared(table, (), positions=positions, columns=[column], target=None)
    return frame.with_columns(pl.lit(0, dtype=pl.Int8).alias(stand_in))


def _free_name(wanted: str, table: Table) -> str:
    names = {column.name for column in table.columns}
    name = wanted
    while name in names:
        name = f"{name}_found"
    return name


def run_unsupervised(
    spec: RunSpec, folder: Path, *, progress: Progress, settings: Settings
) -> tuple[Status, str | None]:
    """Do the work of a run without a target; see `run_pipeline`."""
    from workbench.data import resolve
    from workbench.recipe import fit_and_transform

    task = task_of(spec)
    progress.enter("reading")
    table = resolve(spec.opened_data, settings=settings)
    progress.tell(table=table.digest)
    progress.enter("preparing")
    prepared = prepare_without_target(spec, table, settings)
    live = Live(HistoryWriter(folder), progress, has_validation=False)
    for note in prepared.notes:
        live.note(note)
    recipe, X = fit_and_transform(
        prepared.steps,
        prepared.raw(prepared.split.train),
        target=prepared.target,
        handles_missing=prepared.entry.handles_missing,
        seed=spec.seed,
        orders=table.orders,
    )
    if table.target in recipe.input_columns:
        live.note(
            f"{table.target!r}, the table's own target, was among the columns, so that the groups follow the known "
            "answer. Leave it out with drop_columns."
        )
    _check_rows(prepared, X)
    if progress.stop_requested():
        return "stopped", stopped_early(progress)
    progress.enter("training")
    model = fit_groups(prepared.entry.name, prepared.params, X, live, seed=spec.seed)
    stopped = progress.stop_requested()
    progress.enter("evaluating")
    metrics = _measure(prepared, recipe, X, model, folder, cast("GroupTask", task))
    progress.enter("packaging")
    _package(prepared, recipe, model, folder, metrics, live)
    return ("stopped", "Stopped on request; the best so far is kept.") if stopped else ("finished", None)


def _check_rows(prepared: WithoutTarget, X: np.ndarray) -> None:
    most = prepared.entry.max_rows
    if most is not None and len(X) > most:
        raise EstimatorError(
            f"Got {len(X):,} training rows for {prepared.entry.name}, needed at most {most:,}: its cost grows "
            "with their square. Add the step sample to the recipe, or use kmeans."
        )
    if not X.shape[1]:
        raise RecipeError("Got no columns to find groups in, needed at least one. Look at the steps that drop columns.")


def _measure(
    prepared: WithoutTarget, recipe: FittedRecipe, X_train: np.ndarray, model: ArrayModel, folder: Path, task: GroupTask
) -> dict[str, dict[str, float]]:
    from workbench.evaluation.groups import MAP_ROWS, make_group_report

    axes = _Axes(X_train)
    parts, metrics = {}, {}
    for name, rows in prepared.split.parts().items():
        if not len(rows):
            continue
        X = X_train if name == "train" else recipe.transform(prepared.raw(rows))
        filled = np.where(np.isnan(X), model.fill, X) if model.fill is not None else X
        scores = model.scores(X)
        places = np.full((len(rows), 2), np.nan)
        drawn = np.random.default_rng(prepared.spec.seed).permutation(len(rows))[:MAP_ROWS]
        places[drawn] = axes.of(filled[drawn])
        parts[name] = (prepared.positions[rows], scores, places)
        metrics[name] = _metrics(filled, scores, model, task, prepared.spec.seed)
    groups = np.array([str(label) for label in model.classes or ()])[parts["train"][1].argmax(axis=1)]
    make_group_report(
        folder / files.REPORT,
        parts=parts,
        metrics=metrics,
        profile=describe_groups(prepared.raw(prepared.split.train).select(recipe.input_columns), groups),
        task=task,
        classes=model.classes or (),
        target=prepared.target,
    )
    return metrics


def _metrics(X: np.ndarray, scores: np.ndarray, model: ArrayModel, task: GroupTask, seed: int) -> dict[str, float]:
    from workbench.estimators.groups import NOISE

    picked = scores.argmax(axis=1)
    found = {"mean_share": float(scores.max(axis=1).mean())}
    if task == "outlier_detection":
        return {"outlier_share": float((picked == 1).mean()), **found}
    labels = [str(label) for label in model.classes or ()]
    noise = picked == labels.index(NOISE) if NOISE in labels else np.zeros(len(picked), dtype=bool)
    clear = silhouette(X[~noise], picked[~noise], seed=seed) if (~noise).any() else None
    if clear is not None:
        found["silhouette"] = clear
    if NOISE in labels:
        found["noise_share"] = float(noise.mean())
    return {**found, "n_groups": float(len(np.unique(picked[~noise])))}


class _Axes:
    """The plane in which training rows differ most: the first two principal components."""

    def __init__(self, X: np.ndarray) -> None:
        self._mean = X.mean(axis=0)
        rows = X if len(X) <= 10_000 else X[np.random.default_rng(0).choice(len(X), 10_000, replace=False)]
        _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(rows - self._mean, rowvar=False)))
        axes = vectors[:, ::-1][:, :2]
        # The sign of a component is arbitrary: the largest weight is positive, so that a map looks alike each time.
        self._axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])

    def of(self, X: np.ndarray) -> np.ndarray:
        found = (X - self._mean) @ self._axes
        return found if found.shape[1] == 2 else np.column_stack([found, np.zeros(len(found))])


def _package(
    prepared: WithoutTarget,
    recipe: FittedRecipe,
    model: ArrayModel,
    folder: Path,
    metrics: dict[str, dict[str, float]],
    live: Live,
) -> None:
    from workbench.data.file_forms import FileForm
    from workbench.package import build_package, make_signature

    split: Split = prepared.split
    train = prepared.raw(split.train)
    rows = np.concatenate([split.validation, split.test])
    info = build_package(
        folder / files.PACKAGE,
        spec=prepared.spec.to_dict(),
        recipe=recipe,
        model=model,
        signature=make_signature(
            recipe, train, prepared.target, "classification", model.classes, orders=prepared.table.orders
        ),
        train=train,
        evaluation=prepared.raw(rows) if len(rows) else train,
        metrics=metrics,
        notes=prepared.notes,
        file_form=FileForm.of(prepared.table),
        settings=prepared.settings,
    )
    if info.engine == "native":
        live.note(info.reason)
    live.log(f"Package built: engine {info.engine}, {info.n_rows_checked:,} rows compared with the native model.")
