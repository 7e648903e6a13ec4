"""Keep the features that tell most about the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe.fitted_step import FittedStep, Learning
from workbench.recipe.spec import SelectBest

# Mutual information looks for neighbours, in time that grows faster than the rows.
MOST_INFORMATION_ROWS = 10_000
_MOST_DISCRETE = 20


class FittedSelectBest(FittedStep):
    """`SelectKBest`: the k features with the highest score, in the order that they stood in.

    The F test is ``f_classif`` or ``f_regression`` over all training rows. Mutual information is
    ``mutual_info_classif`` or ``mutual_info_regression`` over a seeded sample of at most 10,000 training rows, and
    takes features with at most 20 different values for categories. For the score a missing value is replaced by the
    feature's median; afterwards it stays missing. Features with one value only come last, those with too few rows for
    mutual information in front of them. With k or fewer features, all are kept.

    Source: Kraskov et al., Estimating mutual information, Physical Review E 69, 2004.
    """

    name = "select_best"
    needs_target = True
    joins = True

    def __init__(self, places: list[int], n_features: int, scores: list[float]) -> None:
        super().__init__(None)
        self.places, self.n_features, self.scores = places, n_features, scores

    @classmethod
    def fit(cls, step: SelectBest, X: np.ndarray, columns: list[str], learning: Learning) -> FittedSelectBest:
        """Score the features; see `FittedStep.fit`. Refuses features that all have one value only."""
        if learning.y is None or learning.task is None:
            raise RecipeError(
                f"select_best: got {len(columns):,} features without a target, needed the target to compare them "
                "with. Choose the target first."
            )
        X = _filled(X)
        varies = X.min(axis=0) < X.max(axis=0)
        if not varies.any():
            raise RecipeError(
                f"select_best: all {len(columns):,} features have one value only in the training rows, needed at least "
                "one with two. Look at the steps in front of this one."
            )
        scores = np.full(X.shape[1], -np.inf)
        scores[varies] = np.nan_to_num(
            _scores(step, X[:, varies], learning), nan=-np.inf, posinf=np.inf, neginf=-np.inf
        )
        # Where scores are equal, the first features are kept.
        best = np.argsort(-scores, kind="stable")[: step.k]
        return cls(np.sort(best).tolist(), X.shape[1], [float(score) for score in scores])

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Take the chosen features."""
        return X[:, self.places]

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Take the chosen features."""
        return graph.gather(tensor, self.places)

    def feature_names(self, names: list[str]) -> list[str]:
        """Keep the names of the chosen features."""
        return [names[place] for place in self.places]

    def to_dict(self) -> dict[str, Any]:
        """Give the chosen places and all scores; None for a feature that couldn't be scored."""
        scores = [score if np.isfinite(score) else None for score in self.scores]
        return {"places": self.places, "n_features": self.n_features, "scores": scores}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedSelectBest:
        """Read the chosen places."""
        scores = [-np.inf if score is None else float(score) for score in document["scores"]]
        return cls([int(place) for place in document["places"]], int(document["n_features"]), scores)


def _filled(X: np.ndarray) -> np.ndarray:
    missing = ~np.isfinite(X)
    if not missing.any():
        return X
    X = np.where(missing, np.nan, X)
    medians = np.zeros(X.shape[1])
    some = ~missing.all(axis=0)
    medians[some] = np.nanmedian(X[:, some], axis=0)
    return np.where(missing, medians, X)


def _scores(step: SelectBest, X: np.ndarray, learning: Learning) -> np.ndarray:
    import warnings

    from sklearn import feature_selection

    y, classes = np.asarray(learning.y), learning.task == "classification"
    if step.score == "f_test":
        test = feature_selection.f_classif if classes else feature_selection.f_regression
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return np.asarray(test(X, y)[0])
    if len(X) > MOST_INFORMATION_ROWS:
        rows = np.sort(np.random.default_rng(learning.seed).choice(len(X), MOST_INFORMATION_ROWS, replace=False))
        X, y = X[rows], y[rows]
    discrete = np.array([len(np.unique(values)) <= _MOST_DISCRETE for values in X.T])
    measure = feature_selection.mutual_info_classif if classes else feature_selection.mutual_info_regression
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return np.asarray(measure(X, y, discrete_features=discrete, random_state=learning.seed))
        except ValueError:  # too few rows, or no value that two rows share, in at least one feature
            columns = [(X[:, [place]], discrete[[place]]) for place in range(X.shape[1])]
            return np.array([_information(measure, column, y, kind, learning.seed) for column, kind in columns])


def _information(measure: Any, column: np.ndarray, y: np.ndarray, discrete: np.ndarray, seed: int) -> float:
    try:
        return float(measure(column, y, discrete_features=discrete, random_state=seed)[0])
    except ValueError:
        return 0.0
