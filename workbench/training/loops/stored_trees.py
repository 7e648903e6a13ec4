"""Fitted trees as plain arrays, so that a checkpoint holds them without pickle."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.training.checkpoint import Checkpoint, Saved

Arrays = dict[str, np.ndarray]


def tree_arrays(trees: Sequence[Any]) -> Arrays:
    """Give the nodes and values of scikit-learn's trees, one after the other, and how many belong to each.

    Parameters
    ----------
    trees : sequence of fitted DecisionTreeClassifier or DecisionTreeRegressor
    """
    states = [tree.tree_.__getstate__() for tree in trees]
    seeds = [tree.random_state if isinstance(tree.random_state, int | np.integer) else -1 for tree in trees]
    return {
        "nodes": np.concatenate([state["nodes"] for state in states]),
        "values": np.concatenate([state["values"] for state in states]),
        "counts": np.array([state["node_count"] for state in states], dtype=np.int64),
        "depths": np.array([state["max_depth"] for state in states], dtype=np.int64),
        "seeds": np.array(seeds, dtype=np.int64),
    }


def trees_from(arrays: Arrays, template: Any) -> list[Any]:
    """Build fitted trees again.

    Parameters
    ----------
    arrays : dict of ndarray
        As `tree_arrays` gave them.
    template : DecisionTreeClassifier or DecisionTreeRegressor
        A fitted tree of the same columns, classes and parameters.
    """
    kind, (n_features, n_classes, n_outputs), _ = template.tree_.__reduce__()
    trees, start = [], 0
    for count, depth, seed in zip(arrays["counts"], arrays["depths"], arrays["seeds"], strict=True):
        part = slice(start, start + int(count))
        start += int(count)
        grown = kind(n_features, n_classes, n_outputs)
        state = {"max_depth": int(depth), "node_count": int(count)}
        grown.__setstate__({**state, "nodes": arrays["nodes"][part], "values": arrays["values"][part]})
        tree = copy.copy(template)
        tree.tree_ = grown
        tree.random_state = int(seed) if seed >= 0 else None
        trees.append(tree)
    return trees


def predictor_arrays(rounds: Sequence[Sequence[Any]]) -> Arrays:
    """Give the nodes of histogram boosting's trees, and how many belong to each; all rounds have as many trees."""
    predictors = [predictor for trees in rounds for predictor in trees]
    return {
        "nodes": np.concatenate([predictor.nodes for predictor in predictors]),
        "counts": np.array([len(predictor.nodes) for predictor in predictors], dtype=np.int64),
        "per_round": np.array(len(rounds[0]), dtype=np.int64),
    }


def predictors_from(arrays: Arrays) -> list[list[Any]]:
    """Build histogram boosting's trees again, a list for each round."""
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    nothing = np.zeros((0, 8), dtype=np.uint32)  # we never train with scikit-learn's own category splits
    ends = np.cumsum(arrays["counts"])
    parts = np.split(arrays["nodes"], ends[:-1])
    predictors = [TreePredictor(np.ascontiguousarray(part), nothing, nothing) for part in parts]
    per_round = int(arrays["per_round"])
    return [predictors[start : start + per_round] for start in range(0, len(predictors), per_round)]


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write arrays into a file, never pickled."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> Arrays:
    """Read what `write_arrays` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def few_rows(y: np.ndarray, task: str) -> np.ndarray:
    """Choose some rows that have every class: enough to fit a template of a tree on."""
    first = np.arange(min(len(y), 50))
    return first if task == "regression" else np.union1d(first, np.unique(y, return_index=True)[1])


class Growth:
    """What of a growing list of trees or rounds a checkpoint holds already; that is never written again.

    Parameters
    ----------
    checkpoint : Checkpoint, optional
        None keeps nothing.
    loop : str
        Whose state it is; another loop's is passed over.
    """

    def __init__(self, checkpoint: Checkpoint | None, loop: str) -> None:
        self._checkpoint = checkpoint
        self._loop = loop
        self._names: list[str] = []
        self.n_stored = 0

    def due(self) -> bool:
        """Tell whether it is time to save again."""
        return self._checkpoint is not None and self._checkpoint.due()

    def load(self) -> tuple[Saved, list[Arrays]] | None:
        """Read the state and the arrays of each file; None where there is nothing to go on from."""
        saved = self._checkpoint.load() if self._checkpoint is not None else None
        if saved is None or saved.document.get("loop") != self._loop:
            return None
        self._names, self.n_stored = list(saved.document["files"]), int(saved.document["n_stored"])
        return saved, [read_arrays(saved.path(name)) for name in self._names]

    def save(
        self,
        document: Mapping[str, Any],
        n_grown: int,
        added: Callable[[int], Arrays],
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Store what was added since the last save, and the rest of the state.

        Parameters
        ----------
        document : mapping
        n_grown : int
            How many there are now.
        added : callable
            Gives the arrays of those from a number on.
        arrays : mapping of str to ndarray, optional
        """
        if self._checkpoint is None:
            return
        names, files = list(self._names), {}
        if n_grown > self.n_stored:
            new = added(self.n_stored)
            names.append(f"{self._loop}-{self.n_stored}.npz")
            files[names[-1]] = lambda path: write_arrays(path, new)
        state = {"loop": self._loop, "files": names, "n_stored": n_grown, **document}
        if self._checkpoint.save(state, arrays, files, keep=self._names):
            self._names, self.n_stored = names, n_grown
