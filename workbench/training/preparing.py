"""What a run decides before it learns: the rows that exist, the parts that they belong to, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from workbench.data.spec import Task
from workbench.errors import EstimatorError, SplitError, WorkbenchError
from workbench.estimators.catalogue import EstimatorEntry, check_params
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.losses import check_training
from workbench.recipe.fitted_step import listed
from workbench.recipe.made_target import check_target_there, telling_columns
from workbench.recipe.spec import Step
from workbench.settings import Settings
from workbench.training.balancing import check_balance
from workbench.training.bounding import Room, draw_parts, draw_rows
from workbench.training.dividing import divide_rows, given_train_rows
from workbench.training.spec import RunSpec
from workbench.training.split_steps import without_part_column

if TYPE_CHECKING:
    from workbench.data import Split, Table
    from workbench.recipe.spec import Balance

P = TypeVar("P", bound="Preparation")

_PILOT_ROWS = 2_000
_PILOT_SHARE = 0.05  # of the limit, from which on it is worth knowing how wide the features are


@dataclass(frozen=True)
class Preparation:
    """A run before it learns.

    Parameters
    ----------
    spec : RunSpec
    table : Table
    task : {"classification", "regression"}
    entry : EstimatorEntry
    params : dict
        Of the estimator, checked, with the defaults filled in.
    steps : tuple of Step
        The recipe, without the column that names the parts.
    balance : Balance, optional
    positions : ndarray of uint32
        Rows of the table that the row steps leave; all other row numbers count these.
    decided : DataFrame
        Target and split column of these rows, after the column steps, in narrow types.
    split : Split
        The rows that the run works on.
    folds : list of Split
        Of a cross-validation; the first is `split` itself. None without one.
    y : ndarray of shape (n_rows,)
    classes : list of str or int, optional
    notes : tuple of str
        What a reader of the run should know: that it works on a sample.
    n_train_rows : int
        Training rows before any were left out for want of memory.
    settings : Settings
    """

    spec: RunSpec
    table: Table
    task: Task
    entry: EstimatorEntry
    params: dict[str, Any]
    steps: tuple[Step, ...]
    balance: Balance | None
    positions: np.ndarray = field(repr=False)
    decided: pl.DataFrame = field(repr=False)
    split: Split = field(repr=False)
    folds: list[Split] = field(repr=False)
    y: np.ndarray = field(repr=False)
    classes: list[str | int] | None
    notes: tuple[str, ...]
    n_train_rows: int
    settings: Settings

    @property
    def target(self) -> str:
        """The column to predict."""
        return self.spec.data.target

    @property
    def is_sampled(self) -> bool:
        """Whether training rows were left out for want of memory."""
        return len(self.split.train) < self.n_train_rows

    def raw(self, rows: np.ndarray) -> pl.DataFrame:
        """Give rows with all columns as the table has them."""
        return self.table.take(self.positions[rows])

    def answered(self, rows: np.ndarray) -> pl.DataFrame:
        """Give rows as the table has them, with the target as the column steps leave it."""
        from workbench.recipe import prepared

        names = [self.target]
        kind = prepared(self.table.head(0), self.steps, columns=names, target=self.target).schema[self.target]
        return self.raw(rows).with_columns(self.decided[self.target][rows].cast(kind))

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Give the labels, or numbers, of rows."""
        labels: np.ndarray = self.y[rows] if self.classes is None else np.array(self.classes)[self.y[rows]]
        return labels


def idle_words(entry: EstimatorEntry, given: Mapping[str, Any], task: Task) -> list[str]:
    """Say which of the parameters that a RunSpec sets do nothing in its task."""
    acting = {parameter.name for parameter in entry.parameters_for(task)}
    idle = [parameter.name for parameter in entry.parameters if parameter.name in given.keys() - acting]
    if not idle:
        return []
    have = "have" if len(idle) > 1 else "has"
    return [f"{listed(idle)} {have} no effect in a {task}, and can be left out."]


def prepare_rows(spec: RunSpec, table: Table, settings: Settings) -> Preparation:
    """Check data, recipe and estimator against each other, find the rows and divide them.

    Only the columns that row steps, split and target need are read, a batch at a time.

    Raises
    ------
    WorkbenchError
        If the data, the recipe, the estimator or the split refuse.
    """
    from workbench.data import encode_target
    from workbench.recipe import check_recipe
    from workbench.training.image_preparing import prepare_images, takes_images

    for_images = takes_images(spec, table)
    entry, target = for_images or find_entry(spec.estimator.name), spec.data.target
    spec = spec.model_copy(update={"training": spec.training.suited(entry.training)})
    if for_images is not None:
        return prepare_images(spec, table, for_images, settings)
    params = check_params(entry, spec.estimator.params)
    given = spec.data.supervised_task
    if given is not None:
        check_task(entry, given, target)
    check_target_there(table, spec.recipe, target)
    steps = without_part_column(spec.recipe, spec.split)
    tries = spec.search is not None and spec.search.method == "everything"  # each estimator gets what it lacks
    check_recipe(steps, table.columns, target, handles_missing=entry.handles_missing or tries, finished=not tries)
    divided = divide_rows(table, spec.recipe, spec.split, target=target, task=given, seed=spec.seed)
    task, decided, split = divided.task, divided.decided, divided.split
    check_task(entry, task, target)
    check_training(entry, spec.training, task)
    balance = check_balance(spec.recipe, task, params)
    check_classes(decided[target][split.train], target, task)
    y, classes = _ranked(*encode_target(decided[target], task), table, steps, target)
    misfits = [f"Of the test file: {note}" for note in table.origin.get("misfits", [])]
    notes = [*misfits, *idle_words(entry, spec.estimator.params, task), *_told(table, steps, target)]
    notes += _check_given_labels(decided[target], split, table, task, target)
    whole = Preparation(
        spec, table, task, entry, params, steps, balance, divided.positions, decided, split, [], y, classes,
        tuple(notes), len(split.train), settings,
    )  # fmt: skip
    found = bounded(whole)
    if not spec.split.folds:
        return found
    folds = divided.folds(found.split)
    for fold in folds:
        check_classes(decided[target][fold.train], target, task)
    return replace(found, folds=folds, split=folds[0])


def _ranked(
    y: np.ndarray, classes: list[str | int] | None, table: Table, steps: tuple[Step, ...], target: str
) -> tuple[np.ndarray, list[str | int] | None]:
    """Let the classes of an ordered target stand in its order, the lowest first."""
    from workbench.data.orders import in_order
    from workbench.recipe.columns import Columns, table_contents

    if classes is None or not table.orders:
        return y, classes
    order = Columns(table_contents(table), target=target).apply_all(steps).contents[target].order
    if not order:
        return y, classes
    ranked: list[str | int] = [*in_order(map(str, classes), order)]
    place = np.array([ranked.index(label) for label in classes])
    return place[y], ranked


def check_task(entry: EstimatorEntry, task: Task, target: str) -> None:
    """Refuse an estimator that doesn't do the task.

    Raises
    ------
    EstimatorError
    """
    if task not in entry.tasks:
        raise EstimatorError(
            f"Got {entry.name} for a {task} of {target!r}, needed an estimator for {task}: {entry.name} does "
            f"{' and '.join(entry.tasks)}. Choose another estimator, or set the task."
        )


def check_classes(learned: pl.Series, target: str, task: Task) -> None:
    """Refuse training rows of one class.

    Raises
    ------
    SplitError
        If all are of the same class.
    """
    from workbench.data.targets import class_places

    if task == "classification" and len(labels := class_places(learned)[1]) == 1:
        raise SplitError(
            f"Got {len(learned):,} training rows that are all of class {labels[0]!r} of {target!r}, needed at least "
            "two to tell apart. Split at random with stratify: true, or by another column."
        )


def _told(table: Table, steps: tuple[Step, ...], target: str) -> list[str]:
    """Note the columns that a made target comes from and that the model sees all the same."""
    telling = list(telling_columns(table, steps, target))
    if not telling:
        return []
    return [
        f"{target} is made from what the model also sees in {', '.join(telling[:6])}, so that its scores promise too "
        f"much, and requests must give it. Add the step drop_columns with columns [{', '.join(telling[:6])}]."
    ]


def _check_given_labels(values: pl.Series, split: Split, table: Table, task: Task, target: str) -> list[str]:
    """Refuse a test file that writes the classes otherwise; note one with classes of its own."""
    if given_train_rows(table) is None or task == "regression":
        return []
    from workbench.data.pairs import label_differences
    from workbench.data.targets import class_labels

    labels = class_labels(values)
    test, learning = labels[split.test], labels[split.learning]
    if differences := label_differences(learning, test):
        shown = ", ".join(f"{theirs!r} for {ours!r}" for theirs, ours in list(differences.items())[:3])
        raise SplitError(
            f"Got a test file that writes {shown} in {target!r}, needed the words of the train file. Add the step "
            f"clean_text with columns [{target}] and operations [{', '.join(_mending(differences))}], which brings "
            "both to one form."
        )
    unseen = test.filter(~test.is_in(learning.unique().implode()))
    if not len(unseen):
        return []
    return [
        f"{len(unseen):,} test rows are of classes that no training row has ({unseen[0]!r} for one); "
        "they can't be predicted right."
    ]


def _mending(differences: dict[str, str]) -> list[str]:
    """Give the operations of clean_text that make labels equal to those that are meant."""
    operations = ["strip", "strip_full_stop"]
    pairs = [[" ".join(label.strip().removesuffix(".").split()) for label in pair] for pair in differences.items()]
    if any(" " in label for pair in pairs for label in pair):
        operations.append("collapse_spaces")
    return [*operations, "lower_case"] if any(theirs != ours for theirs, ours in pairs) else operations


def bounded(whole: P, *, bytes_a_row: float | None = None) -> P:
    """Leave rows out at random where a part would take more memory than a run may use, and say so.

    Parameters
    ----------
    whole : Preparation
    bytes_a_row : float, optional
        Memory of one row, where it is known; found out by fitting the recipe on few rows when absent.
    """
    split, settings = whole.split, whole.settings
    room = Room(bytes_a_row or whole.table.n_bytes / max(whole.table.n_rows, 1), settings.max_table_mib)
    if bytes_a_row is None and room.mib(len(split.learning)) > _PILOT_SHARE * settings.max_table_mib:
        room = replace(room, bytes_a_row=max(room.bytes_a_row, 8.0 * _n_features(whole)))
    stratified = whole.task == "classification" and whole.spec.split.stratify and whole.spec.split.by == "random"
    drawn = draw_parts(split, room.n_rows, seed=whole.spec.seed, class_of_row=whole.y if stratified else None)
    if whole.spec.split.folds:  # the folds divide all learning rows, so they are bounded together
        classes = whole.y[split.learning] if stratified else None
        learning = draw_rows(split.learning, room.n_rows, seed=whole.spec.seed, class_of_row=classes)
        drawn = replace(drawn, train=learning, validation=learning[:0])
    notes = tuple(_said(whole, drawn, room))
    return replace(whole, split=drawn, notes=whole.notes + notes)


def _said(whole: Preparation, drawn: Split, room: Room) -> list[str]:
    parts = dict(zip(("train", "validation", "test"), drawn.parts().values(), strict=True))
    before = whole.split.parts()
    if whole.spec.split.folds:
        before = {**before, "train": whole.split.learning, "validation": parts["validation"]}
    limit = f"{room.max_mib:,.0f} MiB (max_table_mib)"
    said = []
    if len(parts["train"]) < len(before["train"]):
        what = "Trained and cross-validated" if whole.spec.split.folds else "Trained"
        said.append(
            f"{what} on {len(parts['train']):,} of {len(before['train']):,} rows, a random sample: all of them would "
            f"take {room.mib(len(before['train'])):,.0f} MiB, more than {limit}."
        )
    return said + [
        f"The {part} metrics are of {len(parts[part]):,} of {len(before[part]):,} {part} rows, a random sample."
        for part in ("validation", "test")
        if len(parts[part]) < len(before[part])
    ]


def _n_features(whole: Preparation) -> int:
    """Estimate how many features the recipe gives, on few rows: one-hot and TF-IDF may need far more than the table."""
    from workbench.recipe import fit_recipe

    rows = draw_rows(whole.split.train, _PILOT_ROWS, seed=whole.spec.seed)
    with suppress(WorkbenchError):  # whatever is wrong is said when the recipe is fitted in earnest
        recipe = fit_recipe(
            whole.steps, whole.raw(rows), target=whole.target, task=whole.task, handles_missing=True, seed=0
        )
        return recipe.n_features
    return 0
