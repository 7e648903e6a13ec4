"""A table at a glance: one line a column, one picture a column, and what is worth knowing in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.data.findings import find
from workbench.data.histograms import histogram
from workbench.data.table import Column, describe_columns, nearest
from workbench.errors import DataError

if TYPE_CHECKING:
    import plotly.graph_objects as go

_EXPRESSIONS_AT_ONCE = 800
_FRAME_SCHEMA = {
    "column": pl.String,
    "kind": pl.String,
    "dtype": pl.String,
    "n_missing": pl.Int64,
    "missing_share": pl.Float64,
    "n_unique": pl.Int64,
    "mean": pl.Float64,
    "std": pl.Float64,
    "min": pl.String,
    "q25": pl.Float64,
    "median": pl.Float64,
    "q75": pl.Float64,
    "max": pl.String,
    "top": pl.String,
}


@dataclass(frozen=True)
class Profile:
    """Summary of a table.

    Parameters
    ----------
    n_rows, n_columns : int
    n_duplicates : int
        Rows that are equal to an earlier row.
    columns : list of Column
    statistics : dict of str to dict
        For each column mean, std, min, q25, median, q75, max (numbers; min and max for dates, too) and top.
    histograms : dict of str to DataFrame
        For each column either ``left, right, count`` or ``value, count``.
    findings : list of str
        What is worth knowing, in sentences, the gravest first.
    """

    n_rows: int
    n_columns: int
    n_duplicates: int
    columns: list[Column]
    statistics: dict[str, dict[str, Any]]
    histograms: dict[str, pl.DataFrame] = field(repr=False)
    findings: list[str]

    def frame(self) -> pl.DataFrame:
        """Give one row a column: kind, missing and different values, and the statistics.

        Returns
        -------
        DataFrame
            With the columns column, kind, dtype, n_missing, missing_share, n_unique, mean, std, min, q25, median, q75,
            max, top. min and max are text, since dates have them, too.
        """
        rows = []
        for column in self.columns:
            numbers = self.statistics[column.name]
            rows.append(
                {
                    "column": column.name,
                    "kind": column.kind,
                    "dtype": column.dtype,
                    "n_missing": column.n_missing,
                    "missing_share": column.n_missing / self.n_rows,
                    "n_unique": column.n_unique,
                    **numbers,
                    "min": _shown(numbers.get("min")),
                    "max": _shown(numbers.get("max")),
                }
            )
        return pl.DataFrame(rows, schema=_FRAME_SCHEMA, orient="row")

    def plot(self, column: str) -> go.Figure:
        """Draw the distribution of a column.

        Raises
        ------
        DataError
            If there is no such column.
        """
        from workbench import plots

        counts = self.histograms.get(column)
        if counts is None:
            raise DataError(f"Got the column {column!r}, needed one of the table's.{nearest(column, self.histograms)}")
        n_missing = next(entry.n_missing for entry in self.columns if entry.name == column)
        draw = plots.histogram if "left" in counts.columns else plots.category_bars
        return draw(counts, column=column, n_missing=n_missing)

    def to_dict(self) -> dict[str, Any]:
        """Give what ``workbench profile --json`` prints."""
        return {
            "n_rows": self.n_rows,
            "n_columns": self.n_columns,
            "n_duplicates": self.n_duplicates,
            "columns": {
                column.name: {
                    "kind": column.kind,
                    "dtype": column.dtype,
                    "n_missing": column.n_missing,
                    "n_unique": column.n_unique,
                    **{name: _plain(value) for name, value in self.statistics[column.name].items()},
                }
                for column in self.columns
            },
            "findings": self.findings,
        }


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float, str)) else str(value)


def profile_table(
    frame: pl.DataFrame, *, columns: Sequence[Column] | None = None, target: str | None = None
) -> Profile:
    """Summarize each column of a frame.

    Parameters
    ----------
    frame : DataFrame
        With at least one row.
    columns : sequence of Column, optional
        The columns' kinds, where they are known already.
    target : str, optional
        Column to predict, about which there are findings of its own.

    Examples
    --------
    >>> profile = profile_table(pl.DataFrame({"age": [22, 38, None], "sex": ["m", "f", "f"]}))
    >>> profile.to_dict()["columns"]["age"]["n_missing"], profile.statistics["sex"]["top"]
    (1, 'f')
    """
    described = list(columns) if columns is not None else describe_columns(frame)
    statistics = _statistics(frame, described)
    n_duplicates = count_duplicates(frame)
    histograms = {column.name: histogram(frame[column.name], column.kind, column.n_unique) for column in described}
    for column in described:
        shown = histograms[column.name]
        if "value" in shown.columns and column.kind != "number" and shown.height:
            statistics[column.name]["top"] = str(shown["value"][0])
    return Profile(
        n_rows=frame.height,
        n_columns=frame.width,
        n_duplicates=n_duplicates,
        columns=described,
        statistics=statistics,
        histograms=histograms,
        findings=find(frame, described, statistics, n_duplicates=n_duplicates, target=target),
    )


def count_duplicates(frame: pl.DataFrame) -> int:
    """Count the rows that equal an earlier row.

    Examples
    --------
    >>> count_duplicates(pl.DataFrame({"a": [1, 1, 2], "b": ["x", "x", "x"]}))
    1
    """
    if not frame.width:
        return 0
    # Equal rows have equal hashes, so only those few rows are compared in full: ten times faster than comparing all.
    candidates = frame.filter(frame.hash_rows().is_duplicated())
    return candidates.height - candidates.n_unique() if candidates.height else 0


def _statistics(frame: pl.DataFrame, columns: Sequence[Column]) -> dict[str, dict[str, Any]]:
    """Compute all statistics, many columns at a time."""
    wanted: list[pl.Expr] = []
    schema = frame.schema  # built anew at each access, which thousands of columns feel
    for place, column in enumerate(columns):
        values = pl.col(column.name)
        dtype = schema[column.name]
        if dtype.is_numeric():
            wanted += [
                values.mean().alias(f"{place} mean"),
                values.std().alias(f"{place} std"),
                values.quantile(0.25, "linear").alias(f"{place} q25"),
                values.median().alias(f"{place} median"),
                values.quantile(0.75, "linear").alias(f"{place} q75"),
                values.skew().alias(f"{place} skew"),
            ]
        if dtype.is_numeric() or dtype.is_temporal():
            wanted += [values.min().alias(f"{place} min"), values.max().alias(f"{place} max")]
    results: dict[str, Any] = {}
    for start in range(0, len(wanted), _EXPRESSIONS_AT_ONCE):  # one query for all would take the square of their number
        results |= frame.lazy().select(wanted[start : start + _EXPRESSIONS_AT_ONCE]).collect().row(0, named=True)
    statistics: dict[str, dict[str, Any]] = {column.name: {} for column in columns}
    for key, value in results.items():
        index, name = key.split(" ")
        statistics[columns[int(index)].name][name] = value
    return statistics
