"""The parts of a table: rows that train, rows that choose, rows that judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.data.places import rows_where


@dataclass(frozen=True)
class Split:
    """Row positions of each part, sorted; no row is in two.

    Together they are all rows, except in a fold of a split by time, which knows nothing of what came later.

    Parameters
    ----------
    train, validation, test : ndarray of uint32
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def parts(self) -> dict[str, np.ndarray]:
        """Give the parts by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def learning(self) -> np.ndarray:
        """The rows that aren't test rows, sorted."""
        rows = np.concatenate([self.train, self.validation])
        rows.sort()
        return rows


def split_of(part_of_row: np.ndarray) -> Split:
    """Build a split from the part of each row: 0 train, 1 validation, 2 test."""
    train, validation, test = (rows_where(part_of_row == part) for part in range(3))
    return Split(train=train, validation=validation, test=test)


def part_sizes(n_rows: int, *, test: float, validation: float) -> tuple[int, int]:
    """Give the number of test and validation rows; each asked-for part gets one at least, and so does training.

    Examples
    --------
    >>> part_sizes(1000, test=0.2, validation=0.1), part_sizes(3, test=0.01, validation=0.9)
    ((200, 100), (1, 1))
    """
    n_test = max(1, round(n_rows * test)) if test else 0
    n_validation = max(1, round(n_rows * validation)) if validation else 0
    n_test = min(n_test, n_rows - 1 - bool(validation))
    return n_test, min(n_validation, n_rows - n_test - 1)
