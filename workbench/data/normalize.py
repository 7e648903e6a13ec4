"""Bring any Polars frame to the few types that a table holds, and refuse the rest."""

from __future__ import annotations

from math import isfinite

import polars as pl

from workbench.data.column_memory import may_hold
from workbench.data.images import are_images
from workbench.data.orders import Orders, order_of
from workbench.data.zones import in_known_zone
from workbench.errors import ReadError

_REFUSED = (pl.List, pl.Array, pl.Struct, pl.Object)


def normalize_frame(frame: pl.DataFrame, *, name: str, max_columns: int) -> tuple[pl.DataFrame, list[str]]:
    """Convert types without loss and turn NaN, infinity and empty text into missing values.

    Returns
    -------
    frame : DataFrame
        Numbers, booleans, strings, dates, datetimes and images (Binary) only.
    notes : list of str
        What was changed that a reader would want to know.

    Raises
    ------
    ReadError
        If there are no rows or columns, too many columns, or a column of a type that a table can't hold.
    """
    if frame.height == 0:
        check_width(frame.width, name=name, max_columns=max_columns)
        raise no_rows(name, frame.width)
    normalizer = Normalizer(name=name, max_columns=max_columns)
    return normalizer.apply(frame), normalizer.notes()


class TooWideError(Exception):
    """Whole numbers beyond 64 bits came after some that weren't."""


class Normalizer:
    """Normalizes the batches of one table alike, and counts what it changes.

    Parameters
    ----------
    name : str
        For messages.
    max_columns : int
    """

    def __init__(self, *, name: str, max_columns: int) -> None:
        self._name = name
        self._max_columns = max_columns
        self._n_infinite: dict[str, int] = {}
        self._durations: dict[str, None] = {}
        self._wide: dict[str, bool] = {}
        self._orders: dict[str, tuple[str, ...] | None] = {}
        self._offsets: dict[str, str] = {}

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Convert the types of one batch.

        Raises
        ------
        ReadError
            If there are no columns or too many, or one of a type that a table can't hold.
        TooWideError
            If whole numbers don't fit the type that an earlier batch got; `wide` then names the columns.
        """
        check_width(frame.width, name=self._name, max_columns=self._max_columns)
        refused = [series for series in frame if isinstance(series.dtype, _REFUSED) or _is_foreign(series)]
        if refused:
            shown = ", ".join(f"{series.name!r} ({series.dtype})" for series in refused[:5])
            raise ReadError(
                f"Got {self._name} with {len(refused)} column{'s'[: len(refused) > 1]} of a type that a table can't "
                f"hold: {shown}. "
                "Needed numbers, text, booleans, dates or images. Leave those columns out of the file."
            )
        return pl.DataFrame([self._normalize(series) for series in frame])

    @property
    def wide(self) -> list[str]:
        """Columns of whole numbers that are kept as Float64."""
        return [name for name, is_wide in self._wide.items() if is_wide]

    @property
    def orders(self) -> Orders:
        """The order of the words of each ordered category."""
        return {name: order for name, order in self._orders.items() if order}

    def notes(self) -> list[str]:
        """Say what was changed that a reader would want to know."""
        return (
            [f"The durations in {column!r} were read as seconds." for column in self._durations]
            + [
                f"{count:,} infinite values in {column!r} were read as missing."
                for column, count in self._n_infinite.items()
            ]
            + list(self._offsets.values())
        )

    def _normalize(self, series: pl.Series) -> pl.Series:
        dtype = series.dtype
        if dtype.is_float():
            return self._finite(series)
        if dtype == pl.Int128 or dtype == pl.UInt128 or dtype == pl.UInt64:
            return self._whole(series)
        if isinstance(dtype, pl.Decimal):
            return series.cast(pl.Float64)
        if isinstance(dtype, pl.Duration):
            self._durations[series.name] = None
            return (series.dt.total_microseconds() / 1e6).alias(series.name)
        if isinstance(dtype, pl.Datetime) and dtype.time_zone:
            series, note = in_known_zone(series)
            if note is not None:
                self._offsets[series.name] = note
        if isinstance(dtype, (pl.Categorical, pl.Enum, pl.Null, pl.Time)):
            self._note_order(series)
            series = series.cast(pl.String)
        elif dtype == pl.String:
            self._note_order(series)
        if series.dtype == pl.String:
            return series.set(series == "", None) if may_hold(series, [""]) else series
        return series

    def _note_order(self, series: pl.Series) -> None:
        """Keep the order of an ordered category that all batches with a value agree on."""
        if series.null_count() < len(series):
            order = order_of(series.dtype)
            if self._orders.setdefault(series.name, order) != order:
                self._orders[series.name] = None

    def _whole(self, series: pl.Series) -> pl.Series:
        narrow = series.cast(pl.Int64, strict=False)
        is_wide = narrow.null_count() != series.null_count()
        if is_wide and self._wide.setdefault(series.name, True) is False:
            self._wide[series.name] = True
            raise TooWideError(series.name)
        return series.cast(pl.Float64) if self._wide.setdefault(series.name, False) else narrow

    def _finite(self, series: pl.Series) -> pl.Series:
        if series.dtype not in (pl.Float32, pl.Float64):
            series = series.cast(pl.Float32)
        # NaN and infinity are what a sum can't hide: one look at the sum spares two at each value.
        if series.dtype == pl.Float64 and isfinite(series.sum()):
            return series
        n_infinite = int(series.is_infinite().sum() or 0)
        if n_infinite:
            self._n_infinite[series.name] = self._n_infinite.get(series.name, 0) + n_infinite
            series = series.set(series.is_infinite(), None)
        return series.fill_nan(None)


def _is_foreign(series: pl.Series) -> bool:
    """Whether the cells are bytes that are no images."""
    return series.dtype == pl.Binary and not are_images(series)


def check_width(n_columns: int, *, name: str, max_columns: int) -> None:
    """Refuse a table without columns or with too many.

    Raises
    ------
    ReadError
    """
    if n_columns == 0:
        raise ReadError(f"Got {name} without columns, needed at least one. Check that this is the right file.")
    if n_columns > max_columns:
        raise ReadError(
            f"Got {name} with {n_columns:,} columns, needed at most {max_columns:,}. "
            "Leave some out, or raise WORKBENCH_MAX_COLUMNS."
        )


def no_rows(name: str, n_columns: int) -> ReadError:
    """Give the error for a table without rows."""
    return ReadError(
        f"Got {name} with {n_columns} column names but no rows, needed at least one row. "
        "Check that the file is complete."
    )
