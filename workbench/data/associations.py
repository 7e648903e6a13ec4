"""Which columns go together, and how closely: numbers, categories and both, on one scale from 0 to 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.data.columns import Column, describe_columns, nearest
from workbench.data.stored_rows import SAMPLE_ROWS, draw_positions
from workbench.errors import DataError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.data.table import Table

MAX_COLUMNS = 100  # without a target; the pairs grow with the square
MAX_LEVELS = 100  # of a category; rarer ones count as one
_LARGE = 200_000  # from here on the sample that is kept beside the table is taken
_MIN_ROWS = 3
_SCHEMA = {
    "column_a": pl.String,
    "column_b": pl.String,
    "value": pl.Float64,
    "measure": pl.String,
    "n_rows": pl.Int64,
}


@dataclass(frozen=True)
class Associations:
    """How closely columns go together.

    Parameters
    ----------
    pairs : DataFrame
        See `frame`.
    columns : tuple of str
        The columns that were compared.
    n_rows : int
        Rows that were looked at.
    n_rows_total : int
        Rows of the table.
    target : str, optional
        The column that all others were compared with; each with each other when absent.
    left_out : dict of str to str
        Columns that can't be compared, each with the reason.
    first : str, optional
        The column that a map of all with each other begins with, such as the target.
    """

    pairs: pl.DataFrame = field(repr=False)
    columns: tuple[str, ...]
    n_rows: int
    n_rows_total: int
    target: str | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    first: str | None = None

    def frame(self) -> pl.DataFrame:
        """Give one row a pair.

        Returns
        -------
        DataFrame
            column_a, column_b, value (0 nothing, 1 everything; null where too few rows have both), measure (Pearson,
            Spearman, Cramér's V or correlation ratio), n_rows (that have both).
        """
        return self.pairs

    def matrix(self) -> pl.DataFrame:
        """Give the values as a square: ``column`` and one column for each; 1 on the diagonal."""
        names = list(self.columns)
        place = {name: position for position, name in enumerate(names)}
        grid = np.full((len(names), len(names)), np.nan)
        np.fill_diagonal(grid, 1.0)
        for a, b, value in self.pairs.select("column_a", "column_b", "value").iter_rows():
            grid[place[a], place[b]] = grid[place[b], place[a]] = np.nan if value is None else value
        square = {name: pl.Series(grid[:, position]).fill_nan(None) for position, name in enumerate(names)}
        return pl.DataFrame({"column": pl.Series(names, dtype=pl.String)} | square)

    def plot(self) -> go.Figure:
        """Draw a heat map; with a target, bars, the closest column first."""
        from workbench import plots

        rows = f"{self.n_rows:,} of {self.n_rows_total:,} rows" if self.n_rows < self.n_rows_total else None
        said = rows or f"{self.n_rows:,} rows"
        if self.target is not None:
            return plots.association_bars(self.pairs, target=self.target, said=said)
        return plots.association_map(
            self.pairs, said=said, first=self.first, n_columns=len(self.columns) + self.n_beyond
        )

    @property
    def n_beyond(self) -> int:
        """Columns that could be compared and were left out, since the pairs grow with the square of the columns."""
        return sum(why.startswith("is beyond") for why in self.left_out.values())


def associations(
    table: Table | pl.DataFrame,
    *,
    target: str | None = None,
    first: str | None = None,
    max_rows: int = 20_000,
    seed: int = 0,
) -> Associations:
    """Say how closely each column goes with each other, or each with the target.

    Numbers and dates with each other: the larger of Pearson's and Spearman's correlation, without its sign. Categories:
    Cramér's V with the correction of Bergsma. A number and a category: the correlation ratio, corrected like an
    adjusted R². Missing values leave a row out of a pair. Text, identifiers, images and constants aren't compared.

    Sources: Bergsma, A bias-correction for Cramér's V and Tschuprow's T, Journal of the Korean Statistical Society
    42, 2013; Fisher, Statistical Methods for Research Workers, 1925 (correlation ratio).

    Parameters
    ----------
    table : Table or DataFrame
    target : str, optional
    first : str, optional
        Without a target: the column that a map begins with. Of more than 100 columns the closest to it are compared,
        and without it the first.
    max_rows : int
        Of a larger table a sample is taken; of one with more than 200,000 rows at most the 10,000 that are kept
        beside it.
    seed : int
        Of the sample.

    Raises
    ------
    DataError
        If there is no such target.

    Examples
    --------
    >>> rows = pl.DataFrame({"a": [1, 2, 3, 4], "b": [2.0, 4.0, 6.0, 8.5], "c": ["x", "x", "y", "y"]})
    >>> associations(rows).frame().select("column_a", "column_b", "measure").rows()[0]
    ('a', 'b', 'Spearman')
    """
    columns = describe_columns(table) if isinstance(table, pl.DataFrame) else list(table.columns)
    if target is not None and target not in {column.name for column in columns}:
        names = [column.name for column in columns]
        raise DataError(f"Got target {target!r}, needed one of the table's columns.{nearest(target, names)}")
    chosen, left_out = _comparable(columns, target)
    if target is None and len(chosen) > MAX_COLUMNS:
        chosen, beyond = _closest(table, chosen, first, max_rows, seed)
        left_out |= beyond
    rows = _rows(table, [column.name for column in chosen], max_rows, seed)
    compared = _Compared(rows, chosen)
    names = [column.name for column in chosen]
    if target is None:
        wanted = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    else:
        wanted = [(target, name) for name in names if name != target] if target in names else []
    found = [compared.pair(a, b) for a, b in wanted]
    pairs = pl.DataFrame(found, schema=_SCHEMA, orient="row")
    n_total = table.height if isinstance(table, pl.DataFrame) else table.n_rows
    return Associations(pairs, tuple(names), rows.height, n_total, target, left_out, first)


def _comparable(columns: Sequence[Column], target: str | None) -> tuple[list[Column], dict[str, str]]:
    why = {
        "text": "is free text",
        "identifier": "differs in nearly every row",
        "image": "holds images",
        "constant": "has one value or none",
    }
    left_out = {column.name: why[column.kind] for column in columns if column.kind in why and column.name != target}
    chosen = [column for column in columns if column.name not in left_out and column.kind not in ("image", "constant")]
    return chosen, left_out


def _closest(
    table: Table | pl.DataFrame, columns: list[Column], first: str | None, max_rows: int, seed: int
) -> tuple[list[Column], dict[str, str]]:
    """Give as many columns as can be compared with each other, in their order, and why the others are left out."""
    if first not in {column.name for column in columns}:
        beyond = {column.name: f"is beyond the first {MAX_COLUMNS}" for column in columns[MAX_COLUMNS:]}
        return columns[:MAX_COLUMNS], beyond
    pairs = associations(table, target=first, max_rows=max_rows, seed=seed).pairs
    ranked = pairs.sort("value", descending=True, nulls_last=True, maintain_order=True)["column_b"]
    kept = {first, *ranked.head(MAX_COLUMNS - 1).to_list()}
    beyond = {
        column.name: f"is beyond the {MAX_COLUMNS} closest to {first}" for column in columns if column.name not in kept
    }
    return [column for column in columns if column.name in kept], beyond


def _rows(table: Table | pl.DataFrame, names: list[str], max_rows: int, seed: int) -> pl.DataFrame:
    if isinstance(table, pl.DataFrame):
        if table.height <= max_rows:
            return table.select(names)
        return table.select(names)[draw_positions(table.height, max_rows, seed=seed)]
    if table.n_rows > _LARGE:
        max_rows = min(max_rows, SAMPLE_ROWS)
    return table.sampled(max_rows, seed=seed)[0].select(names)


class _Compared:
    """The columns as numbers or codes, each prepared once."""

    def __init__(self, rows: pl.DataFrame, columns: Sequence[Column]) -> None:
        self._codes: dict[str, np.ndarray] = {}
        numbers: dict[str, np.ndarray] = {}
        for column in columns:
            values = rows[column.name]
            if values.dtype.is_numeric() or values.dtype.is_temporal():
                numbers[column.name] = _centered(values)
            else:
                self._codes[column.name] = _codes(values)
        self._numbers = numbers
        self._place = {name: position for position, name in enumerate(numbers)}
        straight = _pairwise(list(numbers.values()))
        ranked = _pairwise([_ranks(values) for values in numbers.values()])
        self._pearson, self._n_both = straight
        self._spearman = ranked[0]

    def pair(self, a: str, b: str) -> tuple[str, str, float | None, str, int]:
        """Compare two columns."""
        if a in self._place and b in self._place:
            i, j = self._place[a], self._place[b]
            pearson, spearman = abs(self._pearson[i, j]), abs(self._spearman[i, j])
            measure = "Spearman" if spearman > pearson + 1e-12 else "Pearson"
            return a, b, _told(max(pearson, spearman), self._n_both[i, j]), measure, int(self._n_both[i, j])
        if a in self._codes and b in self._codes:
            value, n_both = cramers_v(self._codes[a], self._codes[b])
            return a, b, _told(value, n_both), "Cramér's V", n_both
        codes, numbers = (self._codes[a], self._numbers[b]) if a in self._codes else (self._codes[b], self._numbers[a])
        value, n_both = correlation_ratio(codes, numbers)
        return a, b, _told(value, n_both), "correlation ratio", n_both


def _told(value: float, n_both: Any) -> float | None:
    return float(min(value, 1.0)) if n_both >= _MIN_ROWS and np.isfinite(value) else None


def _centered(values: pl.Series) -> np.ndarray:
    numbers = values.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
    numbers[~np.isfinite(numbers)] = np.nan
    present = np.isfinite(numbers)
    if present.any():
        numbers -= numbers[present].mean()
        largest = np.abs(numbers[present]).max()
        numbers /= largest if largest > 0 else 1.0  # so that no square overflows
    return numbers


def _ranks(values: np.ndarray) -> np.ndarray:
    ranked = pl.Series(values).fill_nan(None).rank("average").cast(pl.Float64)
    return _centered(ranked)


def _codes(values: pl.Series) -> np.ndarray:
    """Give each value a number from 0, the rarest beyond the limit together; -1 where missing."""
    counts = values.drop_nulls().alias("value").value_counts(sort=True)["value"]
    place = pl.DataFrame({"value": counts, "code": np.minimum(np.arange(len(counts)), MAX_LEVELS)})
    joined = values.alias("value").to_frame().join(place, on="value", how="left", maintain_order="left")
    return joined["code"].fill_null(-1).cast(pl.Int64).to_numpy()


def _pairwise(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Give the correlation of each pair over the rows that have both, and the number of these rows."""
    if not columns:
        return np.empty((0, 0)), np.empty((0, 0))
    values = np.column_stack(columns)
    present = np.isfinite(values).astype(np.float64)
    filled = np.where(present > 0, values, 0.0)
    n_both = present.T @ present
    sums, squares = filled.T @ present, (filled**2).T @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = filled.T @ filled - sums * sums.T / n_both
        variance = squares - sums**2 / n_both
        scale = np.sqrt(variance * variance.T)
        # Where a column doesn't vary on the common rows there is no correlation, only rounding.
        flat = (variance <= 1e-12 * np.maximum(squares, 1e-300)) | (variance.T <= 1e-12 * np.maximum(squares.T, 1e-300))
        found = np.where(flat, np.nan, covariance / scale)
    return found, n_both


def cramers_v(a: np.ndarray, b: np.ndarray) -> tuple[float, int]:
    """Give Cramér's V of two columns of codes (-1 missing) with Bergsma's correction, and the rows that have both."""
    both = (a >= 0) & (b >= 0)
    n = int(both.sum())
    if not n:
        return np.nan, 0
    a, b = a[both], b[both]
    width = int(b.max()) + 1
    table = np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width).reshape(-1, width).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    r, k = table.shape
    if n < 2 or min(r, k) < 2:
        return np.nan, n
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = float(((table - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    r_corrected, k_corrected = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    least = min(r_corrected, k_corrected) - 1
    return (float(np.sqrt(corrected / least)) if least > 0 else np.nan), n


def correlation_ratio(codes: np.ndarray, numbers: np.ndarray) -> tuple[float, int]:
    """Give the corrected correlation ratio of numbers within categories (codes, -1 missing), and the rows with both."""
    both = (codes >= 0) & np.isfinite(numbers)
    n = int(both.sum())
    if not n:
        return np.nan, 0
    codes, numbers = codes[both], numbers[both]
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=numbers)[counts > 0]
    counts = counts[counts > 0]
    total = float(((numbers - numbers.mean()) ** 2).sum())
    if len(counts) < 2 or n <= len(counts) or total <= 1e-12 * max(float((numbers**2).sum()), 1e-300):
        return np.nan, n
    between = float((counts * (sums / counts - numbers.mean()) ** 2).sum())
    share = 1 - (1 - between / total) * (n - 1) / (n - len(counts))
    return float(np.sqrt(max(0.0, share))), n
