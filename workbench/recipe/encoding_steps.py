"""Turn categories into numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.data.orders import in_order
from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe.categories import FittedCappedOneHot, category_text
from workbench.recipe.fitted_step import FittedStep, Learning, listed
from workbench.recipe.spec import OneHot, Ordinal
from workbench.settings import current


class _Encoder(FittedStep):
    """Categories of each column; missing is none of them."""

    @property
    def categories(self) -> list[np.ndarray]:
        """Sorted training categories of each column."""
        return list(self.transformer.categories_)

    def to_dict(self) -> dict[str, Any]:
        """Give the categories."""
        return {
            "text": self.categories[0].dtype == object,
            "categories": [categories.tolist() for categories in self.categories],
        }

    @classmethod
    def _read(cls, document: dict[str, Any]) -> list[np.ndarray]:
        dtype = object if document["text"] else np.float64
        return [np.array(categories, dtype=dtype) for categories in document["categories"]]


class FittedOneHot(_Encoder):
    """`OneHotEncoder` whose categories are the training values that aren't missing."""

    name = "one_hot"

    @classmethod
    def fit(cls, step: OneHot, X: np.ndarray, columns: list[str], learning: Learning) -> FittedStep:
        """Find the categories; see `FittedStep.fit`. Refuses columns with too many, unless the step bounds them."""
        if step.max_categories is not None:
            return FittedCappedOneHot.fit(step, X, columns, learning)
        categories = _categories(X, columns, "one_hot", learning)
        limit = current().max_categories
        for name, found in zip(columns, categories, strict=True):
            if len(found) > limit:
                raise RecipeError(
                    f"one_hot: column {name!r} has {len(found):,} categories in the training rows, needed at most "
                    f"{limit:,} (WORKBENCH_MAX_CATEGORIES). Use ordinal or target_encode, or set max_categories."
                )
        return cls(_one_hot_encoder(categories))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Compare each feature's column with its category: NaN and unseen values equal none."""
        categories = self.categories
        values = np.concatenate(categories)
        if values.dtype == object:
            # One vocabulary for all columns: a word of another column gets a code that no category of this one has.
            code_of = {word: code for code, word in enumerate(dict.fromkeys(values.tolist()))}
            tensor = graph.lookup(tensor, np.array(list(code_of), dtype=object), list(code_of.values()), default=-1)
            values = np.array([code_of[word] for word in values], dtype=np.int64)
        if len(categories) > 1:
            tensor = graph.gather(tensor, [place for place, found in enumerate(categories) for _ in found])
        return graph.cast(graph.node("Equal", tensor, graph.constant(values[np.newaxis, :])), "double")

    def labels(self) -> list[list[str]]:
        """Give the categories as text."""
        return [[category_text(value) for value in categories] for categories in self.categories]

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedOneHot:
        """Rebuild the encoder from its categories."""
        return cls(_one_hot_encoder(cls._read(document)))


class FittedOrdinal(_Encoder):
    """`OrdinalEncoder` with -1 for unseen and missing values."""

    name = "ordinal"

    @classmethod
    def fit(cls, step: Ordinal, X: np.ndarray, columns: list[str], learning: Learning) -> FittedOrdinal:
        """Find the categories; see `FittedStep.fit`."""
        return cls(_ordinal_encoder(_categories(X, columns, "ordinal", learning)))

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Look each value up in its column's categories."""
        codes = []
        for place, categories in enumerate(self.categories):
            column = graph.gather(tensor, [place]) if len(self.categories) > 1 else tensor
            codes.append(graph.lookup(column, categories, list(range(len(categories))), default=-1))
        return graph.cast(graph.hstack(codes), "double")

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedOrdinal:
        """Rebuild the encoder from its categories."""
        return cls(_ordinal_encoder(cls._read(document)))


def _categories(X: np.ndarray, columns: list[str], step: str, learning: Learning) -> list[np.ndarray]:
    found = []
    for name, values in zip(columns, X.T, strict=True):
        if X.dtype == object:
            categories = np.array(in_order(set(values.tolist()) - {""}, learning.orders.get(name, ())), dtype=object)
        else:
            categories = np.unique(values[~np.isnan(values)])
        if not len(categories):
            raise RecipeError(
                f"{step}: column {listed([name])} has no value in the training rows, needed at least one category. "
                "Leave it out with drop_columns."
            )
        found.append(categories)
    return found


def _fit_encoder(encoder: Any, categories: list[np.ndarray]) -> Any:
    # The categories are given, so one row of them is enough to fit.
    row = [found[0] for found in categories]
    return encoder.fit(np.array([row], dtype=categories[0].dtype))


def _one_hot_encoder(categories: list[np.ndarray]) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return _fit_encoder(OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False), categories)


def _ordinal_encoder(categories: list[np.ndarray]) -> Any:
    from sklearn.preprocessing import OrdinalEncoder

    encoder = OrdinalEncoder(categories=categories, handle_unknown="use_encoded_value", unknown_value=-1)
    return _fit_encoder(encoder, categories)
