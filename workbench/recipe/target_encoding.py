"""Replace categories by what they say about the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe.categories import category_text
from workbench.recipe.fitted_step import FittedStep, Learning, listed
from workbench.recipe.refusing import refuse_empty
from workbench.recipe.spec import TargetEncode


class FittedTargetEncode(FittedStep):
    """`TargetEncoder`: the mean target of each category, drawn towards the overall mean the more, the rarer it is.

    For two classes the share of the second one; for more, one feature a class with that class's share; for values their
    mean. A missing value is a category of its own where the training rows have some; an unseen category gets the
    overall mean. The training rows themselves are encoded by the rows of the other folds (`fitted_values`), so that no
    row sees its own answer; `transform` uses all training rows.

    Source: Micci-Barreca, A preprocessing scheme for high-cardinality categorical attributes, SIGKDD 2001.

    Parameters
    ----------
    categories : list of ndarray
        Of each column, as the training rows have them; ``""`` or NaN where values were missing.
    encodings : list of ndarray of shape (n_categories + 1, n_outputs)
        Of each column; the last row is the overall mean, for unseen categories.
    classes : list of str
        Names of the outputs where there are several, else empty.
    """

    name = "target_encode"
    needs_target = True

    def __init__(self, categories: list[np.ndarray], encodings: list[np.ndarray], classes: list[str]) -> None:
        super().__init__(None)
        self.categories, self.encodings, self.classes = categories, encodings, classes
        self._cross_fitted: np.ndarray | None = None

    @classmethod
    def fit(cls, step: TargetEncode, X: np.ndarray, columns: list[str], learning: Learning) -> FittedTargetEncode:
        """Learn the means; see `FittedStep.fit`. Refuses fewer rows, or rows of the largest class, than folds."""
        refuse_empty("target_encode", X, columns)
        if learning.y is None or learning.task is None:
            raise RecipeError(
                f"target_encode: got column {listed(columns)} without a target, needed the target to take means of. "
                "Choose the target first."
            )
        y = np.asarray(learning.y)
        _refuse_few(step, y, learning.task, columns)
        encoder, values = _cross_fit(step, X, y, learning)
        outputs = _class_names(encoder, learning)
        overall = np.atleast_1d(encoder.target_mean_)
        encodings = []
        for place in range(X.shape[1]):
            found = np.column_stack(encoder.encodings_[place * len(overall) : (place + 1) * len(overall)])
            encodings.append(np.vstack([found, overall]))
        fitted = cls([np.asarray(found, dtype=X.dtype) for found in encoder.categories_], encodings, outputs)
        fitted._cross_fitted = values
        return fitted

    def fitted_values(self, X: np.ndarray) -> np.ndarray:
        """Give the training rows' values, each encoded by the other folds."""
        values, self._cross_fitted = self._cross_fitted, None
        return self.transform(X) if values is None else values

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Look each value up in its column's encodings."""
        parts = [
            encodings[_codes(X[:, place], self.categories[place])] for place, encodings in enumerate(self.encodings)
        ]
        return parts[0] if len(parts) == 1 else np.hstack(parts)

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Look each value up in its column's encodings."""
        parts = []
        for place, (categories, encodings) in enumerate(zip(self.categories, self.encodings, strict=True)):
            column = graph.gather(tensor, [place]) if len(self.encodings) > 1 else tensor
            usual, missing_code = _split_missing(categories)
            code = graph.lookup(column, usual, list(range(len(usual))), default=len(categories))
            if missing_code is not None:
                code = graph.node("Where", graph.node("IsNaN", column), graph.constant(np.array(missing_code)), code)
            found = graph.node("Gather", graph.constant(encodings), code, axis=0)
            shape = graph.constant(np.array([0, encodings.shape[1]], dtype=np.int64))  # 0 keeps the number of rows
            parts.append(graph.node("Reshape", found, shape))
        return graph.hstack(parts)

    def labels(self) -> list[list[str]] | None:
        """Give the classes where there are more than two."""
        return [self.classes] * len(self.categories) if self.classes else None

    def to_dict(self) -> dict[str, Any]:
        """Give categories and means; a missing number is written as None."""
        return {
            "text": self.categories[0].dtype == object,
            "categories": [
                [None if value != value else value for value in found.tolist()] for found in self.categories
            ],
            "encodings": [found.tolist() for found in self.encodings],
            "classes": self.classes,
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedTargetEncode:
        """Read categories and means."""
        dtype = object if document["text"] else np.float64
        categories = [
            np.array([np.nan if value is None else value for value in found], dtype=dtype)
            for found in document["categories"]
        ]
        encodings = [np.array(found, dtype=np.float64) for found in document["encodings"]]
        return cls(categories, encodings, [str(name) for name in document["classes"]])


def _refuse_few(step: TargetEncode, y: np.ndarray, task: str, columns: list[str]) -> None:
    most = len(y) if task == "regression" else int(np.bincount(y.astype(np.int64)).max(initial=0))
    if most < step.folds:
        what = "training rows" if task == "regression" else "training rows of the most frequent class"
        raise RecipeError(
            f"target_encode: got {most:,} {what} for column {listed(columns)}, needed at least {step.folds}, one a "
            "fold. Ask for fewer folds, or use ordinal."
        )


def _cross_fit(step: TargetEncode, X: np.ndarray, y: np.ndarray, learning: Learning) -> tuple[Any, np.ndarray]:
    import warnings

    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    folds = KFold if learning.task == "regression" else StratifiedKFold
    target_type = "continuous"
    if learning.task == "classification":
        target_type = "binary" if len(np.unique(y)) <= 2 else "multiclass"
    encoder = TargetEncoder(
        target_type=target_type,
        smooth="auto" if step.smooth is None else step.smooth,
        cv=folds(n_splits=step.folds, shuffle=True, random_state=learning.seed),
    )
    with warnings.catch_warnings():
        # A class rarer than the folds is only absent from some of them.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        values = encoder.fit_transform(X, y)
    return encoder, np.asarray(values, dtype=np.float64)


def _class_names(encoder: Any, learning: Learning) -> list[str]:
    if encoder.target_type_ != "multiclass":
        return []
    named = dict(enumerate(learning.classes))
    return [category_text(named.get(int(place), int(place))) for place in encoder.classes_]


def _split_missing(categories: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Leave out a NaN, which stands last, and give its code; the empty text is a category like any other."""
    if categories.dtype != object and len(categories) and np.isnan(categories[-1]):
        return categories[:-1], len(categories) - 1
    return categories, None


def _codes(values: np.ndarray, categories: np.ndarray) -> np.ndarray:
    unseen = len(categories)
    if values.dtype == object:
        known = {word: code for code, word in enumerate(categories.tolist())}
        return np.array([known.get(word, unseen) for word in values], dtype=np.int64)
    usual, missing_code = _split_missing(categories)
    if not len(usual):
        codes = np.full(len(values), unseen)
    else:
        places = np.minimum(np.searchsorted(usual, values), len(usual) - 1)
        codes = np.where(usual[places] == values, places, unseen)
    return codes if missing_code is None else np.where(np.isnan(values), missing_code, codes)
