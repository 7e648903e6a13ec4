"""Spread categories over a fixed number of features."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.graph import RUNTIME_DOMAIN, GraphBuilder
from workbench.recipe.fitted_step import FittedStep, Learning
from workbench.recipe.spec import Hashing


class FittedHashing(FittedStep):
    """``FeatureHasher(input_type="string")`` of each column: 1 or -1 in the feature that the hash picks, else 0.

    Learns nothing, so that no category is ever unseen; a missing value gives all zeros. The sign comes from the hash,
    too: categories that share a feature then cancel out as often as they add up.

    Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009. The hash is MurmurHash3.
    """

    name = "hashing"

    def __init__(self, n_columns: int, n_features: int) -> None:
        super().__init__(None)
        self.n_columns, self.n_features = n_columns, n_features

    @classmethod
    def fit(cls, step: Hashing, X: np.ndarray, columns: list[str], learning: Learning) -> FittedHashing:
        """Learn nothing; see `FittedStep.fit`."""
        return cls(X.shape[1], step.n_features)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Hash each different word once."""
        from sklearn.utils import murmurhash3_32

        result = np.zeros((len(X), self.n_columns * self.n_features))
        rows = np.arange(len(X))
        for place in range(self.n_columns):
            words = X[:, place].tolist()
            hashes = {word: murmurhash3_32(word.encode(), seed=0) for word in set(words)}
            hashed = np.array([hashes[word] for word in words], dtype=np.int64)
            signs = np.where(hashed >= 0, 1.0, -1.0)
            signs[X[:, place] == ""] = 0.0
            result[rows, place * self.n_features + np.abs(hashed) % self.n_features] = signs
        return result

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Hash each word and compare the place with each feature's."""
        hashed = graph.cast(graph.node("MurmurHash3", tensor, domain=RUNTIME_DOMAIN, seed=0, positive=0), "int64")
        size = graph.constant(np.array(self.n_features, dtype=np.int64))
        picked = graph.node("Mod", graph.node("Abs", hashed), size)
        one, zero = graph.constant(np.array(1.0)), graph.constant(np.array(0.0))
        below = graph.node("Less", hashed, graph.constant(np.array(0, dtype=np.int64)))
        signs = graph.node("Where", below, graph.constant(np.array(-1.0)), one)
        missing = graph.cast(graph.lookup(tensor, np.array([""], dtype=object), [1], default=0), "bool")
        signs = graph.node("Where", missing, zero, signs)
        repeats = np.repeat(np.arange(self.n_columns), self.n_features).tolist()
        features = graph.constant(np.tile(np.arange(self.n_features), self.n_columns)[np.newaxis, :])
        chosen = graph.node("Equal", graph.gather(picked, repeats), features)
        return str(graph.node("Where", chosen, graph.gather(signs, repeats), zero))

    def labels(self) -> list[list[str]]:
        """Give the numbers of each column's features."""
        return [[str(number) for number in range(self.n_features)] for _ in range(self.n_columns)]

    def to_dict(self) -> dict[str, Any]:
        """Give the sizes."""
        return {"n_columns": self.n_columns, "n_features": self.n_features}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedHashing:
        """Read the sizes."""
        return cls(int(document["n_columns"]), int(document["n_features"]))
