"""A table at a glance: one line a column, one picture a column, and what is worth knowing in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from workbench.data.columns import Column, nearest
from workbench.data.findings import balance_of, find
from workbench.data.leakage import leaks_among, leaks_of
from workbench.data.summaries import ColumnSummary
from workbench.data.summarizing import TableSummary, summarize_frame, summary_of
from workbench.data.zones import zone_label, zone_of
from workbench.errors import DataError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.data.table import Table

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
    "skew": pl.Float64,
    "n_outliers": pl.Int64,
    "top": pl.String,
    "top_count": pl.Int64,
    "finding": pl.String,
}


@dataclass(frozen=True)
class Profile:
    """Summary of a table. All figures are exact, however large the table is.

    Parameters
    ----------
    n_rows, n_columns : int
    n_duplicates : int
        Rows that are equal to an earlier row.
    columns : list of Column
    statistics : dict of str to dict
        For each column mean, std, min, q25, median, q75, max, skew and n_outliers (numbers beyond Tukey's fences; min
        and max for dates, too), top and top_count (the most frequent value).
    histograms : mapping of str to DataFrame
        For each column either ``left, right, count`` or ``value, count``.
    top_values : mapping of str to DataFrame
        For each column its 20 most frequent values as text: ``value, count``.
    findings : list of str
        What is worth knowing, in sentences, the gravest first.
    column_findings : dict of str to str
        What is worth knowing about a column; only of columns that have something.
    target : str, optional
    balance : DataFrame, optional
        Classes of the target: ``value, count, share``; where it has at most 50.
    """

    n_rows: int
    n_columns: int
    n_duplicates: int
    columns: list[Column]
    statistics: dict[str, dict[str, Any]]
    histograms: Mapping[str, pl.DataFrame] = field(repr=False)
    top_values: Mapping[str, pl.DataFrame] = field(repr=False)
    findings: list[str]
    column_findings: dict[str, str] = field(repr=False)
    target: str | None = None
    balance: pl.DataFrame | None = field(default=None, repr=False)

    def frame(self) -> pl.DataFrame:
        """Give one row a column: kind, missing and different values, the statistics and the finding.

        Returns
        -------
        DataFrame
            With the columns column, kind, dtype, n_missing, missing_share, n_unique, mean, std, min, q25, median, q75,
            max, skew, n_outliers, top, top_count, finding. min and max are text, since dates have them, too.
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
                    "finding": self.column_findings.get(column.name),
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

        if column not in self.histograms:
            raise DataError(f"Got the column {column!r}, needed one of the table's.{nearest(column, self.histograms)}")
        counts = self.histograms[column]
        if counts.is_empty():
            kind = next(entry.kind for entry in self.columns if entry.name == column)
            told = "it holds images" if kind == "image" else "no value occurs twice, or all are missing"
            return plots.empty(f"There is no distribution of {column} to draw: {told}.")
        known = next(entry for entry in self.columns if entry.name == column)
        if "left" not in counts.columns:
            ordered = bool(known.order)
            return plots.category_bars(counts, column=column, n_missing=known.n_missing, ordered=ordered)
        drawn = plots.histogram(counts, column=column, n_missing=known.n_missing)
        if zone := zone_of(known.dtype):
            drawn.update_xaxes(title=f"{column} ({zone_label(zone)})")
        return drawn

    def to_dict(self) -> dict[str, Any]:
        """Give what ``workbench profile --json`` prints."""
        return {
            "n_rows": self.n_rows,
            "n_columns": self.n_columns,
            "n_duplicates": self.n_duplicates,
            "target": self.target,
            "balance": None if self.balance is None else self.balance.to_dicts(),
            "columns": {column.name: self._column_document(column) for column in self.columns},
            "findings": self.findings,
        }

    def _column_document(self, column: Column) -> dict[str, Any]:
        shown = self.histograms[column.name]
        return {
            "kind": column.kind,
            "dtype": column.dtype,
            "n_missing": column.n_missing,
            "n_unique": column.n_unique,
            **{name: _plain(value) for name, value in self.statistics[column.name].items()},
            "top_values": self.top_values[column.name].to_dicts(),
            "histogram": {
                name: [_plain(value) for value in shown[name].to_list()] for name in shown.columns if "left" in shown
            },
            "finding": self.column_findings.get(column.name),
        }


class _Drawn(Mapping[str, pl.DataFrame]):
    """Frames that are made when they are asked for, since a table may have thousands of columns."""

    def __init__(self, summaries: dict[str, ColumnSummary], what: str) -> None:
        self._summaries = summaries
        self._what = what

    def __getitem__(self, name: str) -> pl.DataFrame:
        summary = self._summaries[name]
        return summary.histogram() if self._what == "histogram" else summary.top_values()

    def __iter__(self) -> Iterator[str]:
        return iter(self._summaries)

    def __len__(self) -> int:
        return len(self._summaries)


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
    leaks = leaks_among(frame, target) if target else {}
    return _profile(summarize_frame(frame), target, leaks, columns)


def profile_of(table: Table) -> Profile:
    """Summarize each column of a table.

    The figures are computed once, column by column, and kept beside the stored rows.
    """
    leaks = leaks_of(table, table.target) if table.target else {}
    return _profile(summary_of(table), table.target, leaks, table.columns)


def _profile(
    summary: TableSummary, target: str | None, leaks: dict[str, str], columns: Sequence[Column] | None
) -> Profile:
    by_name = {entry.column.name: entry for entry in summary.summaries}
    told, by_column = find(summary, target=target, leaks=leaks)
    return Profile(
        n_rows=summary.n_rows,
        n_columns=len(summary.summaries),
        n_duplicates=summary.n_duplicates,
        columns=list(columns) if columns is not None else summary.columns,
        statistics={name: entry.statistics for name, entry in by_name.items()},
        histograms=_Drawn(by_name, "histogram"),
        top_values=_Drawn(by_name, "top"),
        findings=told,
        column_findings=by_column,
        target=target,
        balance=balance_of(by_name[target]) if target else None,
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
