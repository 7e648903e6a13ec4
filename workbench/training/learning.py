"""From rows to what a loop learns from: the recipe fitted on the training rows of one split, and their features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from workbench.recipe.fitted_step import listed
from workbench.recipe.spec import Balance
from workbench.training.balancing import balanced
from workbench.training.hardware import usable_cores
from workbench.training.loops.material import Material
from workbench.training.preparing import Preparation

if TYPE_CHECKING:
    import keras

    from workbench.data import Split
    from workbench.recipe import FittedRecipe
    from workbench.recipe.images import FittedImages
    from workbench.training.checkpoint import Checkpoint

_LEARNS_BALANCED = ("rounds", "epochs")  # loops whose training loss is the one that they minimize


@dataclass(frozen=True)
class Ready:
    """A recipe fitted on training rows, and the material of a loop.

    Parameters
    ----------
    recipe : FittedRecipe
    material : Material
    notes : tuple of str
        What a reader of the run should know.
    """

    recipe: FittedRecipe
    material: Material = field(repr=False)
    notes: tuple[str, ...] = ()

    def without_rows(self) -> Ready:
        """Give it without the rows that were learned from, so that packaging has their room."""
        found = self.material
        empty = {name: getattr(found, name)[:0] for name in ("X_train", "y_train", "X_validation", "y_validation")}
        return replace(self, material=replace(found, **empty, weights=None, unbalanced=None))


def make_ready(prepared: Preparation, split: Split, *, checkpoint: Checkpoint | None = None) -> Ready:
    """Fit the recipe on the training rows of a split, and on nothing else, and transform its rows.

    Raw rows are held for one part at a time.

    Raises
    ------
    RecipeError
        If a step can't take its columns, or balanced rows don't fit into memory.
    """
    from workbench.estimators.native import missing_fill
    from workbench.recipe import fit_and_transform
    from workbench.training.image_preparing import ImagePreparation, make_image_ready

    if isinstance(prepared, ImagePreparation):
        return make_image_ready(prepared, split, checkpoint=checkpoint)
    raw = prepared.raw(split.train)
    recipe, X_train = fit_and_transform(
        prepared.steps,
        raw,
        target=prepared.target,
        task=prepared.task,
        handles_missing=prepared.entry.handles_missing,
        seed=prepared.spec.seed,
        orders=prepared.table.orders,
    )
    rounded = rounding_words(recipe.entry.rounded(raw))
    del raw
    X_validation = features(prepared, recipe, split.validation)
    fill = None
    if not prepared.entry.handles_missing:
        fill = missing_fill(X_train)
        gaps = np.isnan(X_validation)
        X_validation = np.where(gaps, fill, X_validation) if gaps.any() else X_validation
    y_train = prepared.y[split.train]
    balance = prepared.balance
    weighs = prepared.entry.engine == "keras" and prepared.task == "classification"
    if weighs and prepared.params.get("class_weight") == "balanced":
        balance = Balance(method="class_weights")  # scikit-learn weighs by itself what it is told to
    rows = balanced(balance, X_train, y_train, classes=prepared.classes, max_mib=prepared.settings.max_table_mib)
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
        fill=fill,
        checkpoint=checkpoint,
        weights=rows.weights,
        unbalanced=(X_train, y_train) if balance else None,
        network=network_builder(prepared, recipe) if prepared.entry.engine == "keras" else None,
    )
    notes = (*absent_words(prepared, y_train), *balancing_words(prepared, rows.words), *rounded)
    return Ready(recipe, material, notes)


def network_builder(prepared: Preparation, recipe: FittedRecipe) -> Callable[[int], keras.Model]:
    """Say how the network is built once it is known how many batches an epoch has."""
    from workbench.estimators.categories import category_features
    from workbench.estimators.network import build_network
    from workbench.training.image_preparing import ImagePreparation, image_network_builder

    if isinstance(prepared, ImagePreparation):
        return image_network_builder(prepared, cast("FittedImages", recipe))
    return lambda n_batches: build_network(
        prepared.params,
        prepared.spec.training,
        n_features=recipe.n_features,
        task=prepared.task,
        n_classes=len(prepared.classes or ()),
        seed=prepared.spec.seed,
        estimator=prepared.entry,
        steps_per_epoch=n_batches,
        categories=category_features(recipe),
    )


def features(prepared: Preparation, recipe: FittedRecipe, rows: np.ndarray) -> np.ndarray:
    """Give the features of rows, as the fitted recipe answers a request."""
    if not len(rows):
        return np.empty((0, recipe.n_features))
    return recipe.transform(prepared.raw(rows))


def absent_words(prepared: Preparation, y_train: np.ndarray) -> list[str]:
    """Say which classes no training row has: the model can't predict them. Nothing where all are there."""
    classes = prepared.classes or []
    absent = sorted(set(range(len(classes))) - set(np.unique(y_train).tolist()))
    if not absent:
        return []
    return [
        f"No training row is of class {listed([str(classes[label]) for label in absent])}, so it is never predicted. "
        "Choose a split whose training rows hold every class."
    ]


def rounding_words(columns: Sequence[str]) -> list[str]:
    """Say for the run's reader which whole numbers the model takes rounded; nothing where there are none."""
    if not columns:
        return []
    verb, them = ("holds", "it") if len(columns) == 1 else ("hold", "them")
    return [
        f"{', '.join(columns[:6])} {verb} whole numbers above 9,007,199,254,740,992, which a model takes rounded to 16 "
        f"digits. Turn {them} into text (step convert), or leave {them} out."
    ]


def balancing_words(prepared: Preparation, balancing: str) -> list[str]:
    """Say for the run's reader how classes were balanced; nothing where they weren't."""
    if not balancing:
        return []
    if prepared.entry.progress in _LEARNS_BALANCED:
        balancing += " The training loss of the curve counts them so; all metrics count the rows as they are."
    return [balancing]
