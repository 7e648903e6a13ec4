"""Which rows a run works on where all of them would take more memory than it may use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.data.parts import Split

FEWEST_ROWS = 100  # however small the limit is: fewer than this teach nothing
_MIB = 2**20


@dataclass(frozen=True)
class Room:
    """How many rows fit.

    Parameters
    ----------
    bytes_a_row : float
        Of the raw columns, or of the features where those take more.
    max_mib : float
        Memory that the rows of one part may take.
    """

    bytes_a_row: float
    max_mib: float

    @property
    def n_rows(self) -> int:
        """Rows that fit, at least 100."""
        return max(FEWEST_ROWS, int(self.max_mib * _MIB / max(self.bytes_a_row, 1e-9)))

    def mib(self, n_rows: int) -> float:
        """Memory that so many rows take."""
        return n_rows * self.bytes_a_row / _MIB


def draw_rows(rows: np.ndarray, n_rows: int, *, seed: int, class_of_row: np.ndarray | None = None) -> np.ndarray:
    """Draw at most `n_rows` rows at random, sorted.

    Parameters
    ----------
    rows : ndarray of int64
    n_rows : int
    seed : int
    class_of_row : ndarray of int64, optional
        Class index of each of `rows`: the sample keeps the shares of the classes, and a row at least of each.

    Examples
    --------
    >>> classes = np.array([0] * 90 + [1] * 9 + [2])
    >>> drawn = draw_rows(np.arange(100), 10, seed=0, class_of_row=classes)
    >>> np.bincount(classes[drawn]).tolist()
    [9, 1, 1]
    """
    if len(rows) <= n_rows:
        return rows
    rng = np.random.default_rng(seed)
    if class_of_row is None:
        return np.sort(rng.choice(rows, n_rows, replace=False, shuffle=False))
    # Evenly spaced among the rows in order of their classes, at random within each: the shares come out by themselves.
    order = np.argsort(class_of_row + rng.random(len(rows)) * 0.5)
    picked = order[((np.arange(n_rows) + 0.5) * len(rows) / n_rows).astype(np.int64)]
    ordered = class_of_row[order]
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    wanting = ~np.isin(ordered[first], class_of_row[picked])
    return np.sort(rows[np.concatenate([picked, order[first[wanting]]])])


def draw_parts(split: Split, n_rows: int, *, seed: int, class_of_row: np.ndarray | None = None) -> Split:
    """Draw at most `n_rows` rows of each part; see `draw_rows`. `class_of_row` is that of all rows."""

    def drawn(rows: np.ndarray, part: int) -> np.ndarray:
        classes = None if class_of_row is None else class_of_row[rows]
        return draw_rows(rows, n_rows, seed=seed + part, class_of_row=classes)

    return Split(train=drawn(split.train, 0), validation=drawn(split.validation, 1), test=drawn(split.test, 2))
