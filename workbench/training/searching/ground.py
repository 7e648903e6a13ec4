"""The folds that trials are measured on: the recipe fitted anew on each fold's training rows, once for all trials."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import SpecError
from workbench.estimators.catalogue import check_params
from workbench.estimators.image_forms import entry_taking
from workbench.estimators.spec import EstimatorSpec
from workbench.recipe.spec import Step
from workbench.training.balancing import check_balance
from workbench.training.bounding import draw_rows
from workbench.training.learning import make_ready
from workbench.training.loops.material import Material
from workbench.training.preparing import Preparation
from workbench.training.split_steps import split_column, without_part_column

if TYPE_CHECKING:
    from workbench.data import Split
    from workbench.recipe import FittedRecipe


@dataclass(frozen=True)
class FoldRows:
    """One fold, prepared.

    Parameters
    ----------
    material : Material
    prepared : Preparation
    recipe : FittedRecipe
    narrow : pair of ndarray
        Features of training and validation rows in float32, as trees take them; cast once instead of in each fit.
    """

    material: Material = field(repr=False)
    prepared: Preparation = field(repr=False)
    recipe: FittedRecipe = field(repr=False)
    narrow: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    @property
    def n_bytes(self) -> int:
        """Memory that its rows take."""
        arrays = [self.material.X_train, self.material.X_validation, *(self.narrow or ())]
        return int(sum(array.nbytes for array in arrays))


class Ground:
    """The folds of a search.

    Parameters
    ----------
    prepared : Preparation
    cv : int, optional
        Folds of the rows that aren't test rows; the run's own folds, or its validation part, when absent.

    Raises
    ------
    SpecError, SplitError
        If there is nothing to measure on, or the rows can't be divided so.
    """

    def __init__(self, prepared: Preparation, cv: int | None) -> None:
        self.prepared = prepared
        self.folds = folds_of(prepared, cv)
        self._kept: OrderedDict[tuple[Any, ...], FoldRows] = OrderedDict()
        self._locks: dict[tuple[Any, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def n_folds(self) -> int:
        """How many folds there are; 1 where the validation part alone is measured."""
        return len(self.folds)

    @property
    def n_train_rows(self) -> int:
        """Training rows of the first fold."""
        return len(self.folds[0].train)

    def rows(
        self,
        fold: int,
        estimator: EstimatorSpec,
        recipe: Sequence[Step] | None = None,
        n_rows: int = 0,
    ) -> FoldRows:
        """Give one fold as an estimator learns it; prepared at the first call and kept while memory allows.

        Parameters
        ----------
        fold : int
        estimator : EstimatorSpec
        recipe : sequence of Step, optional
            In place of the run's own.
        n_rows : int, default 0
            Training rows to draw from the fold's; all when 0.
        """
        entry = entry_taking(self.prepared.entry.takes, estimator.name)
        steps = tuple(self.prepared.spec.recipe if recipe is None else recipe)
        # A network's rows are weighed before it sees them; scikit-learn weighs by itself.
        weighed = estimator.params.get("class_weight", "none") if entry.engine == "keras" else None
        trees = entry.family == "trees" and entry.engine == "sklearn"
        words = tuple(repr(step) for step in steps)
        key = (fold, entry.handles_missing, n_rows, words, entry.engine, weighed, trees)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            found = self._kept.get(key)
            if found is None:
                found = self._make(fold, estimator, steps, n_rows)
                self._keep(key, found)
        return replace(found, material=replace(found.material, entry=entry))

    def _make(self, fold: int, estimator: EstimatorSpec, steps: tuple[Step, ...], n_rows: int) -> FoldRows:
        prepared = prepared_for(self.prepared, estimator, steps)
        split = self.folds[fold]
        if 0 < n_rows < len(split.train):
            classes = prepared.y[split.train] if prepared.task == "classification" else None
            drawn = draw_rows(split.train, n_rows, seed=prepared.spec.seed, class_of_row=classes)
            split = replace(split, train=drawn)
        ready = make_ready(prepared, split)
        material = ready.material
        if prepared.entry.family != "trees" or prepared.entry.engine != "sklearn":
            return FoldRows(material, prepared, ready.recipe)
        narrow = (_narrow(material.X_train), _narrow(material.X_validation))
        return FoldRows(material, prepared, ready.recipe, narrow)

    def _keep(self, key: tuple[Any, ...], found: FoldRows) -> None:
        limit = self.prepared.settings.max_table_mib * 2**20
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > 1 and sum(rows.n_bytes for rows in self._kept.values()) > limit:
                self._kept.popitem(last=False)


def prepared_for(prepared: Preparation, estimator: EstimatorSpec, recipe: Sequence[Step] | None = None) -> Preparation:
    """Give the same rows for another estimator, and with other steps where those are given.

    Raises
    ------
    EstimatorError, RecipeError
        If a parameter is out of range, or estimator and recipe don't go together.
    """
    spec = prepared.spec.model_copy(
        update={"estimator": estimator, "recipe": tuple(prepared.spec.recipe if recipe is None else recipe)}
    )
    entry = entry_taking(prepared.entry.takes, estimator.name)
    params = check_params(entry, estimator.params)
    return replace(
        prepared,
        spec=spec,
        entry=entry,
        params=params,
        steps=without_part_column(spec.recipe, spec.split),
        balance=check_balance(spec.recipe, prepared.task, params),
    )


def folds_of(prepared: Preparation, cv: int | None) -> list[Split]:
    """Divide the rows that aren't test rows as the run's split says; see `Ground`."""
    from workbench.data import split_folds

    spec = prepared.spec.split
    if cv is None and prepared.folds:
        return list(prepared.folds)
    if cv is None:
        if not len(prepared.split.validation):
            raise SpecError(
                "Got a search without validation rows and without folds, needed rows to compare trials on. "
                "Set `search.cv`, or `split.validation` above 0."
            )
        return [prepared.split]
    if spec.by == "column":
        raise SpecError(
            f"Got search.cv {cv} with a split by column, which names the parts; needed parts that may be divided. "
            "Remove `search.cv` to compare trials on the validation part."
        )
    column = split_column(prepared.spec.recipe, spec) or spec.column
    wanted = spec.model_copy(update={"folds": cv, "column": column})
    return split_folds(
        prepared.decided,
        wanted,
        prepared.split,
        target=prepared.target,
        task=prepared.task,
        seed=prepared.spec.seed,
    )


def _narrow(X: np.ndarray) -> np.ndarray:
    # Beyond float32 a tree would refuse the row; the recipe has brought infinities to missing already.
    limits = np.finfo(np.float32)
    return np.ascontiguousarray(np.clip(X, limits.min, limits.max), dtype=np.float32)
