"""The native model of a package: the fitted recipe and the estimator, for engines that look inside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from workbench.errors import ExplainError
from workbench.estimators.categories import LAYER

if TYPE_CHECKING:
    from workbench.estimators import NativeModel
    from workbench.recipe.fitted import FittedRecipe

Family = Literal["forest", "boosting", "linear", "network", "other"]
_SECONDS_PER_UNIT = 3e-9  # SHAP's path-dependent walk: leaves times squared depth, measured on forests of Adult


@dataclass(frozen=True)
class NativePackage:
    """Recipe and model, and which raw column each feature came from."""

    recipe: FittedRecipe
    model: NativeModel

    @property
    def family(self) -> Family:
        """What kind of model it is, as far as the engines care."""
        estimator: Any = getattr(self.model, "estimator", self.model)
        name = type(estimator).__name__
        if name.startswith(("RandomForest", "ExtraTrees", "DecisionTree")):
            return "forest"
        if name.startswith("HistGradientBoosting"):
            return "boosting"
        if name.startswith("GradientBoosting"):  # SHAP's tree engine knows it for numbers and two classes
            return "boosting" if estimator.estimators_.shape[1] == 1 else "other"
        if name in ("LogisticRegression", "LinearRegression", "Ridge", "Lasso", "ElasticNet"):
            return "linear"
        # A category's code has no gradient: half of Bern and half of Rome is neither.
        return "network" if self.model.engine == "keras" and not _embeds(self.model) else "other"

    def features(self, frame: pl.DataFrame) -> np.ndarray:
        """Transform raw rows to what the estimator itself sees; see `NativeModel.seen`."""
        return self.model.seen(self.recipe.transform(frame))

    def scores(self, frame: pl.DataFrame) -> np.ndarray:
        """Give the model's answers on raw rows."""
        return self.model.scores(self.recipe.transform(frame))

    def sum_by_column(self, shap_values: np.ndarray, columns: list[str]) -> np.ndarray:
        """Add the SHAP values of features, shape (n, n_features, k), to those of their source columns.

        Exact, since Shapley values are additive over features; a column without features gets 0.
        """
        place = {name: position for position, name in enumerate(columns)}
        summed = np.zeros((len(shap_values), len(columns), shap_values.shape[2]))
        for feature, source in enumerate(self.recipe.feature_sources):
            summed[:, place[source]] += shap_values[:, feature]
        return summed

    def tree_seconds(self, n_rows: int) -> float:
        """Estimate how long the tree engine takes."""
        if self.family == "boosting":
            return 0.002 * n_rows
        estimator = self.model.estimator  # type: ignore[attr-defined]
        trees = [tree.tree_ for tree in getattr(estimator, "estimators_", [estimator])]
        return n_rows * _SECONDS_PER_UNIT * float(sum(tree.n_leaves * tree.max_depth**2 for tree in trees))


def _embeds(model: NativeModel) -> bool:
    layers = model.network.layers  # type: ignore[attr-defined]
    return any(type(layer).__name__ == LAYER for layer in layers)


def load_native(package_folder: Path) -> NativePackage:
    """Load recipe and model from a package whose manifest was checked.

    Raises
    ------
    ExplainError
        If the package holds no native model.
    """
    from workbench.estimators import load_model
    from workbench.package.predictor import NATIVE_FOLDER, RECIPE_FOLDER
    from workbench.recipe import FittedRecipe

    native, recipe = package_folder / NATIVE_FOLDER, package_folder / RECIPE_FOLDER
    if not native.is_dir() or not recipe.is_dir():
        raise ExplainError(
            f"Got {package_folder} without a native recipe and model, which this engine looks into. "
            "Use engine='permutation'."
        )
    return NativePackage(FittedRecipe.load(recipe), load_model(native))
