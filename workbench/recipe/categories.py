"""Few categories out of many: rare ones merged into a word, or into a shared 0/1 column."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from workbench.errors import RecipeError
from workbench.graph import ML_DOMAIN, GraphBuilder
from workbench.recipe.fitted_step import FittedStep, Learning, listed
from workbench.recipe.refusing import refuse_empty
from workbench.recipe.spec import MergeRare, OneHot

INFREQUENT = "infrequent"


class FittedMergeRare(FittedStep):
    """The categories of each column that stay; all others, unseen ones too, become one word.

    Missing values stay missing; they count among the rows of which a category is a share.
    """

    name = "merge_rare"

    def __init__(self, kept: list[list[str]], into: str) -> None:
        super().__init__(None)
        self.kept, self.into = kept, into

    @classmethod
    def fit(cls, step: MergeRare, X: np.ndarray, columns: list[str], learning: Learning) -> FittedMergeRare:
        """Count the categories; see `FittedStep.fit`. Refuses a column whose categories are all rare."""
        refuse_empty("merge_rare", X, columns)
        least = step.min_share * len(X)
        counts = [Counter(values.tolist()) for values in X.T]
        kept = [sorted(word for word, count in found.items() if word and count >= least) for found in counts]
        none = [name for name, words in zip(columns, kept, strict=True) if not words]
        if none:
            raise RecipeError(
                f"merge_rare: column {listed(none)} has no category in {step.min_share:g} of the training rows or "
                "more, needed at least one. Lower min_share, or use target_encode or hashing instead."
            )
        return cls(kept, step.into)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Replace all but the kept categories."""
        result = np.empty(X.shape, dtype=object)
        for place, words in enumerate(self.kept):
            known, into = {word: word for word in ["", *words]}, self.into
            result[:, place] = [known.get(word, into) for word in X[:, place]]
        return result

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Look each word up among those that stay."""
        results = []
        for place, words in enumerate(self.kept):
            column = graph.gather(tensor, [place]) if len(self.kept) > 1 else tensor
            known = ["", *words]
            result = graph.node(
                "LabelEncoder",
                column,
                domain=ML_DOMAIN,
                keys_strings=known,
                values_strings=known,
                default_string=self.into,
            )
            results.append(result)
        return graph.hstack(results)

    def to_dict(self) -> dict[str, Any]:
        """Give the categories that stay, and the word for the others."""
        return {"kept": self.kept, "into": self.into}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedMergeRare:
        """Read the categories."""
        return cls([[str(word) for word in words] for words in document["kept"]], str(document["into"]))


class FittedCappedOneHot(FittedStep):
    """One 0/1 feature for each frequent category, and a last one, ``infrequent``, for all others.

    The frequent categories are those of ``OneHotEncoder(max_categories=..., handle_unknown="infrequent_if_exist")``:
    where counts are equal, the later category stays. An unseen category counts as infrequent, a missing value gives all
    zeros. A column with no more categories than allowed has no infrequent feature, and an unseen category gives zeros.
    """

    name = "one_hot_capped"

    def __init__(self, frequent: list[np.ndarray], capped: list[bool]) -> None:
        super().__init__(None)
        self.frequent, self.capped = frequent, capped

    @classmethod
    def fit(cls, step: OneHot, X: np.ndarray, columns: list[str], learning: Learning) -> FittedCappedOneHot:
        """Count the categories; see `FittedStep.fit`."""
        refuse_empty("one_hot", X, columns)
        limit = step.max_categories or 2
        frequent, capped = [], []
        for values in X.T:
            categories, counts = _counted(values)
            capped.append(len(categories) > limit)
            if capped[-1]:
                order = np.argsort(counts, kind="stable")
                categories = categories[np.sort(order[-(limit - 1) :])]
            frequent.append(categories)
        return cls(frequent, capped)

    @property
    def widths(self) -> list[int]:
        """Features of each column."""
        return [len(found) + shared for found, shared in zip(self.frequent, self.capped, strict=True)]

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Set one feature of each column to 1."""
        result = np.zeros((len(X), sum(self.widths)))
        rows, start = np.arange(len(X)), 0
        for place, width in enumerate(self.widths):
            codes = self._codes(X[:, place], place)
            seen = codes >= 0
            result[rows[seen], start + codes[seen]] = 1.0
            start += width
        return result

    def _codes(self, values: np.ndarray, place: int) -> np.ndarray:
        known = {value: code for code, value in enumerate(self.frequent[place].tolist())}
        other = len(known) if self.capped[place] else -1
        if values.dtype == object:
            known[""] = -1
            return np.array([known.get(word, other) for word in values], dtype=np.int64)
        codes = np.array([known.get(value, other) for value in values.tolist()], dtype=np.int64)
        return np.where(np.isnan(values), -1, codes)

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Look each value up and compare its code with each feature's."""
        results = []
        for place, (found, shared, width) in enumerate(zip(self.frequent, self.capped, self.widths, strict=True)):
            column = graph.gather(tensor, [place]) if len(self.frequent) > 1 else tensor
            keys, codes = found, list(range(len(found)))
            if found.dtype == object:
                keys, codes = np.array([*found, ""], dtype=object), [*codes, -1]
            code = graph.lookup(column, keys, codes, default=len(found) if shared else -1)
            if found.dtype != object:
                code = graph.node("Where", graph.node("IsNaN", column), graph.constant(np.array(-1)), code)
            results.append(graph.node("Equal", code, graph.constant(np.arange(width)[np.newaxis, :])))
        return graph.cast(graph.hstack(results), "double")

    def labels(self) -> list[list[str]]:
        """Give the frequent categories as text, and the word for the others."""
        return [
            [*(category_text(value) for value in found), *([INFREQUENT] if shared else [])]
            for found, shared in zip(self.frequent, self.capped, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Give the frequent categories."""
        return {
            "text": self.frequent[0].dtype == object,
            "frequent": [found.tolist() for found in self.frequent],
            "capped": self.capped,
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedCappedOneHot:
        """Read the frequent categories."""
        dtype = object if document["text"] else np.float64
        frequent = [np.array(found, dtype=dtype) for found in document["frequent"]]
        return cls(frequent, [bool(shared) for shared in document["capped"]])


def _counted(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if values.dtype != object:
        found, counts = np.unique(values[~np.isnan(values)], return_counts=True)
        return found, counts
    counted = Counter(values.tolist())
    counted.pop("", None)
    words = sorted(counted)
    return np.array(words, dtype=object), np.array([counted[word] for word in words])


def category_text(value: Any) -> str:
    """Write a category for a feature's name.

    Examples
    --------
    >>> category_text("male"), category_text(3.0), category_text(0.5)
    ('male', '3', '0.5')
    """
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
