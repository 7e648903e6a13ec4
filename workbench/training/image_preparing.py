"""What a run on images decides before it learns: labels, parts, the one size of all images; and the pixels themselves.

A run on images goes the way of a run on a table: its `Preparation` and its `Ready` have the same form, so that
cross-validation, search, checkpoints, reports and packages need to know nothing of images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from workbench.data.spec import SplitSpec, Task
from workbench.errors import SplitError
from workbench.estimators.catalogue import EstimatorEntry, check_params
from workbench.estimators.image_forms import image_entry
from workbench.estimators.losses import check_training
from workbench.recipe.checking_images import image_columns, label_column
from workbench.recipe.images import FittedImages, count_sizes, find_step, fit_images, only_size
from workbench.recipe.spec import Resize, Step
from workbench.settings import Settings
from workbench.training import preparing
from workbench.training.balancing import balanced, check_balance
from workbench.training.dividing import Division, divide_rows, given_train_rows
from workbench.training.hardware import usable_cores
from workbench.training.image_augmenting import make_augment
from workbench.training.loops.material import Material
from workbench.training.preparing import Preparation
from workbench.training.spec import RunSpec
from workbench.training.split_steps import without_part_column

if TYPE_CHECKING:
    import keras

    from workbench.data import Split, Table
    from workbench.estimators.image_model import ImageModel
    from workbench.estimators.image_networks import Picture
    from workbench.recipe.fitted import FittedRecipe
    from workbench.training.checkpoint import Checkpoint
    from workbench.training.learning import Ready

_MOST_PART_WORDS = 14


@dataclass(frozen=True)
class ImagePreparation(Preparation):
    """A run on images before it learns.

    Parameters
    ----------
    column : str
        The image column.
    sizes : dict of (height, width) to int
        Of all images that the row steps leave.
    """

    column: str = ""
    sizes: dict[tuple[int, int], int] = field(default_factory=dict, repr=False)

    def raw(self, rows: np.ndarray) -> pl.DataFrame:
        """Give the images of rows; what else the table holds is nothing that a run on images looks at."""
        return self.table.take(self.positions[rows], [self.column])


def takes_images(spec: RunSpec, table: Table) -> EstimatorEntry | None:
    """Give the estimator as it takes images, where a run of the spec on this table is one on images; else None.

    An estimator that has a form for tables, too, learns from an image column wherever the recipe leaves one.
    """
    found = image_entry(spec.estimator.name)
    if found is None or (found.name == "dense_network" and not image_columns(table.columns, spec.recipe)):
        return None
    return found


def prepare_images(spec: RunSpec, table: Table, entry: EstimatorEntry, settings: Settings) -> ImagePreparation:
    """Check data, recipe and estimator against each other, find the images and divide them; see `prepare_rows`.

    Where a column names given parts (train and test), the given test images are the test rows, and the validation rows
    are drawn from the others unless they are given, too. A step that drops that column lets all rows be divided anew.

    Raises
    ------
    WorkbenchError
        If the data, the recipe, the estimator or the split refuse.
    """
    from workbench.data import encode_target
    from workbench.recipe import check_recipe

    spec = with_labels(spec, table)
    target, given = spec.data.target, spec.data.supervised_task
    params = check_params(entry, spec.estimator.params)
    if given is not None:
        preparing.check_task(entry, given, target)
    table.with_target(target)
    steps = without_part_column(spec.recipe, spec.split)
    check_recipe(steps, table.columns, target, takes="image")
    column = image_columns(table.columns, steps)[0]
    divided, said = divide_images(spec, table, given)
    task, decided, split = divided.task, divided.decided, divided.split
    preparing.check_task(entry, task, target)
    check_training(entry, spec.training, task)
    balance = check_balance(spec.recipe, task, params)
    preparing.check_classes(decided[target][split.train], target, task)
    y, classes = encode_target(decided[target], task)
    sizes, n_file_bytes = _look(table, column, divided.positions)
    resize = find_step(spec.recipe, Resize)
    height, width = (resize.height, resize.width) if resize is not None else only_size(column, sizes)
    whole = ImagePreparation(
        spec, table, task, entry, params, steps, balance, divided.positions, decided, split, [], y, classes,
        tuple(said), len(split.train), settings, column=column, sizes=sizes,
    )  # fmt: skip
    n_channels = 1 if resize is not None and resize.mode == "grey" else 3
    found = preparing.bounded(whole, bytes_a_row=height * width * n_channels + n_file_bytes / max(1, len(y)))
    if not spec.split.folds:
        return found
    folds = divided.folds(found.split)
    for fold in folds:
        preparing.check_classes(decided[target][fold.train], target, task)
    return replace(found, folds=folds, split=folds[0])


def with_labels(spec: RunSpec, table: Table) -> RunSpec:
    """Give the spec with the column of the labels as target, where it names none.

    Raises
    ------
    TargetError
        If no column, or more than one, might hold them.
    """
    if spec.data.target:
        return spec
    found = label_column(table.columns, spec.recipe)
    return spec.model_copy(update={"data": spec.data.model_copy(update={"target": found})})


def part_column(table: Table, steps: Sequence[Step]) -> str | None:
    """Name the column that says which images are for training and which for testing; None where there is none."""
    from workbench.data.split_columns import names_parts

    gone = {name for step in steps if step.enabled and step.step == "drop_columns" for name in step.columns}
    texts = [
        column.name
        for column in table.columns
        if column.dtype == "String" and 2 <= column.n_unique <= _MOST_PART_WORDS and column.name not in gone
    ]
    for name in sorted(texts, key=lambda name: name.lower() != "split"):
        words = pl.concat([batch[name].unique() for _, batch in table.batches([name])]).unique()
        if names_parts(words):
            return name
    return None


def divide_images(spec: RunSpec, table: Table, task: Task | None) -> tuple[Division, list[str]]:
    """Divide the images as a run does; say where given parts are followed.

    Raises
    ------
    WorkbenchError
        If the target, the row steps or the split don't fit the rows.
    """
    wanted, target = spec.split, spec.data.target
    part = part_column(table, spec.recipe) if wanted.by == "random" and given_train_rows(table) is None else None
    if part is None:
        return divide_rows(table, spec.recipe, wanted, target=target, task=task, seed=spec.seed), []
    by_part = SplitSpec(by="column", column=part)
    divided = divide_rows(table, spec.recipe, by_part, target=target, task=task, seed=spec.seed)
    split = _completed(divided, wanted, spec.seed)
    said = f"The test rows are the {len(split.test):,} that the column {part!r} gives; leave it out to divide anew."
    return replace(divided, spec=wanted, split=split), [said] if len(split.test) else []


def _completed(divided: Division, wanted: SplitSpec, seed: int) -> Split:
    """Draw validation rows from the given training rows, where none are given."""
    from workbench.data import Split, split_rows

    given = divided.split
    if not len(given.train):
        raise SplitError("Got no training images, needed some to learn from. Look at the row steps and the split.")
    if wanted.folds:
        return Split(train=given.learning, validation=given.learning[:0], test=given.test)
    if len(given.validation) or not wanted.validation:
        return given
    without_test = wanted.model_copy(update={"test": 0.0})
    inner = split_rows(divided.decided[given.train], without_test, target=divided.target, task=divided.task, seed=seed)
    return Split(train=given.train[inner.train], validation=given.train[inner.validation], test=given.test)


def _look(table: Table, column: str, positions: np.ndarray) -> tuple[dict[tuple[int, int], int], int]:
    """Count the sizes of the images that are left, and the bytes of their files; refuse what is no image."""
    kept = np.zeros(table.n_rows, dtype=bool)
    kept[positions] = True
    sizes: dict[tuple[int, int], int] = {}
    n_bytes = 0
    for start, batch in table.batches([column]):
        rows = np.flatnonzero(kept[start : start + batch.height])
        images = batch[column].gather(rows)
        n_bytes += int(images.bin.size().sum() or 0)
        for size, n in count_sizes(images, start + rows).items():
            sizes[size] = sizes.get(size, 0) + n
    return sizes, n_bytes


def make_image_ready(prepared: ImagePreparation, split: Split, *, checkpoint: Checkpoint | None = None) -> Ready:
    """Learn size and scale from the training images of a split, and unpack its images; see `make_ready`.

    Raises
    ------
    RecipeError
        If images have several sizes and no step brings them to one, or balanced rows don't fit into memory.
    DataError
        If an image is damaged.
    """
    from workbench.training.learning import Ready, absent_words, balancing_words

    images = prepared.raw(split.train)[prepared.column]
    recipe, X_train = fit_images(
        prepared.steps, prepared.column, images, prepared.sizes, rows=prepared.positions[split.train]
    )
    del images
    X_validation = recipe.transform(prepared.raw(split.validation), rows=prepared.positions[split.validation])
    y_train = prepared.y[split.train]
    max_mib = prepared.settings.max_table_mib
    rows = balanced(prepared.balance, X_train, y_train, classes=prepared.classes, max_mib=max_mib)
    material = Material(
        entry=prepared.entry,
        params=prepared.params,
        training=prepared.spec.training,
        task=prepared.task,
        classes=prepared.classes,
        X_train=rows.X,
        y_train=rows.y,
        X_validation=X_validation,
        y_validation=prepared.y[split.validation],
        seed=prepared.spec.seed,
        n_jobs=usable_cores(),
        checkpoint=checkpoint,
        weights=rows.weights,
        unbalanced=(X_train, y_train) if prepared.balance else None,
        augment=make_augment(recipe.augment) if recipe.augment is not None else None,
        network=image_network_builder(prepared, recipe),
        finish=_finisher(prepared, recipe, rows.y),
    )
    # It stands where a recipe for columns stands, with the same way in.
    notes = (*absent_words(prepared, y_train), *balancing_words(prepared, rows.words))
    return Ready(cast("FittedRecipe", recipe), material, notes)


def image_network_builder(prepared: ImagePreparation, recipe: FittedImages) -> Callable[[int], keras.Model]:
    """Say how the network is built once it is known how many batches an epoch has."""
    from workbench.estimators.image_networks import build_image_network

    return lambda n_batches: build_image_network(
        prepared.entry,
        prepared.params,
        prepared.spec.training,
        picture=_picture(recipe),
        task=prepared.task,
        n_classes=len(prepared.classes or ()),
        seed=prepared.spec.seed,
        steps_per_epoch=n_batches,
    )


def _picture(recipe: FittedImages) -> Picture:
    from workbench.estimators.image_networks import Picture

    return Picture(recipe.height, recipe.width, recipe.n_channels, recipe.scale.factor, recipe.scale.offset)


def _finisher(prepared: ImagePreparation, recipe: FittedImages, y: np.ndarray) -> Callable[[keras.Model], ImageModel]:
    from workbench.estimators.image_model import ImageModel
    from workbench.estimators.network import TargetScale

    scale = TargetScale.fit(y) if prepared.task == "regression" else None
    return lambda network: ImageModel(
        network,
        task=prepared.task,
        classes=prepared.classes,
        n_features=recipe.n_features,
        target_scale=scale,
    )
