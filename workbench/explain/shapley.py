"""Interventional Shapley values over raw columns, for any function of rows: NumPy and Polars only.

The worth of a set of columns is the mean output when these columns are the row's and the others a background row's
(Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 30, 2017, with the interventional
expectation). Few columns are enumerated exactly. Otherwise permutations are sampled (Castro, Gomez and Tejada,
Polynomial Calculation of the Shapley Value Based on Sampling, Computers and Operations Research 36, 2009), each against
one background row at a time (Strumbelj and Kononenko, Explaining Prediction Models and Individual Predictions with
Feature Contributions, Knowledge and Information Systems 41, 2014), in antithetic pairs, a permutation and its reverse
(Mitchell, Cooper, Frank and Holmes, Sampling Permutations for Shapley Value Estimation, JMLR 23, 2022): a pair is exact
for interactions of two columns. Every background row gets the same number of permutations, so the values of a row sum
to f(row) minus the background's mean, up to rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import polars as pl

from workbench.data.encoding import InputType, from_arrays, to_array
from workbench.data.zones import zone_of

Score = Callable[[pl.DataFrame], np.ndarray]
Progress = Callable[[float], None]

_BATCH_ROWS = 16_384  # rows of one call of the model: enough to keep its threads busy, little enough memory
_CHUNK_CELLS = 4_000_000  # cells of the mixed rows that are built at once
_MAX_EXACT_COLUMNS = 12
_MIN_BACKGROUND = 20


@dataclass(frozen=True)
class Plan:
    """How values are computed: all coalitions, or `n_pairs` antithetic pairs for each of `n_background` rows."""

    exact: bool
    n_background: int
    n_pairs: int


def make_plan(
    n_rows: int, n_columns: int, n_background: int, *, n_pairs: int | None = None, max_evaluations: int | None = None
) -> Plan:
    """Choose between enumeration and sampling, within a number of evaluated rows.

    The default is 12,000 evaluations for a row, 26,000 where coalitions are enumerated (many of their mixed rows are
    equal and scored once), and at most 600,000 in all. Enumeration is preferred; then pairs are dropped down to one,
    then background rows down to 20.

    Examples
    --------
    >>> make_plan(1, 7, 100)
    Plan(exact=True, n_background=100, n_pairs=0)
    >>> make_plan(200, 12, 100)
    Plan(exact=False, n_background=100, n_pairs=1)
    """
    budget = max_evaluations or min(12_000 * max(n_rows, 1), 600_000)
    exact_budget = max_evaluations or min(26_000 * max(n_rows, 1), 600_000)
    if n_columns <= 1 or (
        n_pairs is None and n_columns <= _MAX_EXACT_COLUMNS and n_rows * n_background * 2**n_columns <= exact_budget
    ):
        return Plan(True, n_background, 0)
    one_pair = max(n_rows * 2 * (n_columns - 1), 1)
    if n_pairs is not None:
        return Plan(False, n_background, max(n_pairs, 1))
    affordable = max(min(n_background, budget // one_pair), min(n_background, _MIN_BACKGROUND))
    return Plan(False, affordable, int(np.clip(budget // (one_pair * affordable), 1, 64)))


class CodedRows:
    """Rows and background as small integers, one code for each distinct value of a column.

    Mixing rows is then copying integers, and equal mixed rows are found and scored once.
    """

    def __init__(self, rows: pl.DataFrame, background: pl.DataFrame, columns: Sequence[str], score: Score) -> None:
        self.columns = list(columns)
        self.n_evaluations = 0
        self._score = score
        coded = [_encode(rows[name], background[name]) for name in self.columns]
        codes = (
            np.column_stack([code for _, code in coded]) if coded else np.zeros((rows.height + background.height, 0))
        )
        self._values = [values for values, _ in coded]
        self.rows, self.background = codes[: rows.height], codes[rows.height :]
        sizes = [len(values) for values in self._values]
        # a mixed row as one integer, where that fits into 63 bits
        self._radix = np.cumprod([1, *sizes[:-1]], dtype=np.int64) if np.sum(np.log2(sizes)) < 62 else None

    def scores(self, codes: np.ndarray) -> np.ndarray:
        """Score mixed rows, shape (N, n_columns) of codes; returns (N, k)."""
        if self._radix is None:
            return self._evaluate(codes)
        _, first, inverse = np.unique(codes @ self._radix, return_index=True, return_inverse=True)
        return self._evaluate(codes[first])[inverse]

    def _evaluate(self, codes: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(codes), _BATCH_ROWS):
            batch = codes[start : start + _BATCH_ROWS]
            frame = pl.DataFrame(
                {
                    name: values.gather(batch[:, c])
                    for c, (name, values) in enumerate(zip(self.columns, self._values, strict=True))
                }
            )
            parts.append(np.asarray(self._score(frame), dtype=np.float64).reshape(len(batch), -1))
        self.n_evaluations += len(codes)
        return np.concatenate(parts)


def _encode(rows: pl.Series, background: pl.Series) -> tuple[pl.Series, np.ndarray]:
    """Give a column's distinct values, as the model is asked about them, and their codes in rows and background."""
    values = np.concatenate([to_array(rows), to_array(background)])
    distinct, codes = np.unique(values, return_inverse=True)
    kind: InputType = "datetime" if rows.dtype.is_temporal() else "string" if values.dtype == object else "number"
    zone = zone_of(rows.dtype)
    zones = {rows.name: zone} if zone else {}
    return from_arrays({rows.name: distinct}, {rows.name: kind}, zones)[rows.name], codes.reshape(-1)


def exact_shapley(
    coded: CodedRows, *, on_progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Enumerate all coalitions.

    Returns
    -------
    values : ndarray of shape (n_rows, n_columns, k)
    base_values : ndarray of shape (k,)
    outputs : ndarray of shape (n_rows, k)
    """
    m, n_background = len(coded.columns), len(coded.background)
    masks = (np.arange(2**m)[:, None] >> np.arange(m)) & 1 == 1
    size = masks.sum(axis=1)
    weight = np.array([factorial(s) * factorial(m - s - 1) / factorial(m) for s in range(m)])
    rows_at_once = max(_CHUNK_CELLS // (2**m * n_background * m), 1)
    values, outputs, base = [], [], None
    for start in range(0, len(coded.rows), rows_at_once):
        rows = coded.rows[start : start + rows_at_once]
        mixed = np.where(masks[None, :, None, :], rows[:, None, None, :], coded.background[None, None, :, :])
        worth = coded.scores(mixed.reshape(-1, m)).reshape(len(rows), 2**m, n_background, -1).mean(axis=2)
        chunk = np.empty((len(rows), m, worth.shape[2]))
        for c in range(m):
            without = np.flatnonzero(~masks[:, c])
            gain = worth[:, without | (1 << c)] - worth[:, without]
            chunk[:, c] = np.einsum("s,nsk->nk", weight[size[without]], gain)
        values.append(chunk)
        outputs.append(worth[:, -1])
        base = worth[0, 0] if base is None else base
        if on_progress is not None:
            on_progress((start + len(rows)) / len(coded.rows))
    return np.concatenate(values), np.asarray(base), np.concatenate(outputs)


def sampled_shapley(
    coded: CodedRows,
    *,
    n_pairs: int,
    seed: int = 0,
    time_limit: float | None = None,
    on_progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sample permutations; see the module. Returns as `exact_shapley`.

    A row's values don't depend on which other rows are explained with it. With `time_limit` (seconds), no further pair
    is begun after it; the first is always finished.
    """
    started = time.monotonic()
    n_rows, n_background, m = len(coded.rows), len(coded.background), len(coded.columns)
    at_background, at_rows = coded.scores(coded.background), coded.scores(coded.rows)
    totals = np.zeros((n_rows, m, at_rows.shape[1]))
    pairs_at_once = max(_CHUNK_CELLS // (2 * m * m), 1)
    done = 0
    for round_ in range(n_pairs):
        rng = np.random.default_rng([seed, round_])
        forward = rng.permuted(np.tile(np.arange(m), (n_background, 1)), axis=1)
        ranks = np.stack([forward, m - 1 - forward], axis=1)
        for start in range(0, n_rows * n_background, pairs_at_once):
            row, other = np.divmod(np.arange(start, min(start + pairs_at_once, n_rows * n_background)), n_background)
            np.add.at(totals, row, _walk(coded, row, other, ranks[other], at_rows, at_background))
            if on_progress is not None:
                on_progress((round_ + (start + len(row)) / (n_rows * n_background)) / n_pairs)
        done += 1
        if time_limit is not None and time.monotonic() - started > time_limit:
            break
    return totals / (2 * n_background * done), at_background.mean(axis=0), at_rows


def _walk(
    coded: CodedRows,
    row: np.ndarray,
    other: np.ndarray,
    ranks: np.ndarray,
    at_rows: np.ndarray,
    at_background: np.ndarray,
) -> np.ndarray:
    """Walk from background rows to rows, column by column in the order of `ranks`; sum each column's gains.

    Parameters
    ----------
    row, other : ndarray of shape (n_pairs,)
        Positions of the row and of the background row of each walk.
    ranks : ndarray of shape (n_pairs, 2, n_columns)
        When each column is changed, in the walk and in its reverse.

    Returns
    -------
    ndarray of shape (n_pairs, n_columns, k)
    """
    x, z = coded.rows[row], coded.background[other]
    order = np.argsort(ranks, axis=2)
    differs = np.take_along_axis((x != z)[:, None, :], order, axis=2)
    n_changed = np.cumsum(differs, axis=2)
    # a step that changes nothing needs no evaluation, nor does the last change, which arrives at the row itself
    arrived = n_changed == n_changed[:, :, -1:]
    needed = differs & ~arrived
    pair, way, step = np.nonzero(needed)
    between = np.zeros((0, at_rows.shape[1]))
    if len(pair):
        between = coded.scores(np.where(ranks[pair, way] <= step[:, None], x[pair], z[pair]))
    at = np.full(needed.shape, -1)
    at[needed] = np.arange(len(pair))
    at = np.maximum.accumulate(at, axis=2)
    outputs = np.concatenate([between, at_rows, at_background])
    at_row = np.broadcast_to((len(between) + row)[:, None, None], at.shape)
    at_start = (len(between) + len(at_rows) + other)[:, None, None]
    places = np.where(arrived, at_row, np.where(at < 0, at_start, at))
    places = np.concatenate([np.broadcast_to(at_start, (*at.shape[:2], 1)), places], axis=2)
    gains = np.diff(outputs[places], axis=2)
    return np.asarray(np.take_along_axis(gains, ranks[..., None], axis=2).sum(axis=1))
