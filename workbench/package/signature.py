"""The signature: which columns a model takes, what they looked like in training, and whether given rows fit."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from workbench.data.encoding import to_arrays
from workbench.data.frames import is_frame, to_polars
from workbench.data.orders import with_order
from workbench.data.spec import Task
from workbench.data.zones import placed
from workbench.errors import InputError, PackageError
from workbench.package.checking import ColumnType, series_to_array, values_to_array, whole_numbers
from workbench.package.image_inputs import ImageForm, are_images, gathered, images_to_array
from workbench.package.inputs import CheckedRows, InputColumn

FORMAT = 2
_IMAGE_FORMAT = 3
_PLAIN_FORMAT = 1  # written where nothing needs the later one, so that earlier workbenches read it, too
GRAPH_NOTE = (
    "Requests give `columns`. model.onnx itself takes `graph_inputs`: the columns after the steps in entry.json, which "
    "have no form in a graph. The workbench runs them in front of it; whoever serves model.onnx alone must do so, too."
)
ZONE_NOTE = (
    "Columns with a `zone` are reckoned by its clocks. Requests give their moments with an offset (or Z), or as the "
    "clocks there show them; model.onnx itself takes seconds since 1970-01-01 UTC and finds the time of day by itself."
)
# What Python, NumPy and pandas write for a missing text on its way into ONNX Runtime, which takes it as a word.
MISSING_WORDS = ("None", "nan", "<NA>", "NaT")
LARGEST_WHOLE = 2.0**53  # beyond it a double passes over whole numbers
_SHOWN_COLUMNS = 20


@dataclass(frozen=True)
class Signature:
    """What goes into a model and what comes out.

    Parameters
    ----------
    task : {"classification", "regression"}
    target : str
    classes : list of str or int, optional
        In the order of the probabilities; None for regression.
    columns : list of InputColumn
    graph_inputs : dict of str to {"number", "string"}, optional
        What ``model.onnx`` takes where it isn't the raw columns: those that the column steps in ``entry.json`` leave.
    missing_words : dict of str to list of str
        For text columns: words that stand for a missing value, since training saw no such category. See
        `MISSING_WORDS`.
    """

    task: Task
    target: str
    classes: list[str | int] | None
    columns: list[InputColumn]
    graph_inputs: dict[str, ColumnType] | None = None
    missing_words: dict[str, list[str]] = field(default_factory=dict)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in the order of the training table."""
        return [column.name for column in self.columns]

    @cached_property
    def types(self) -> dict[str, ColumnType]:
        """As what each column enters the model, in the order of the training table."""
        return {column.name: column.type for column in self.columns}

    @cached_property
    def whole_columns(self) -> list[str]:
        """Columns of whole numbers that a double can't tell apart any more."""
        found = [column for column in self.columns if column.type == "number" and column.integer and column.bounds]
        return [column.name for column in found if max(map(abs, column.bounds or ())) >= LARGEST_WHOLE]

    def whole(self, columns: Mapping[str, Any]) -> dict[str, pl.Series]:
        """Give those columns with all their digits, where they hold whole numbers."""
        read = {name: whole_numbers(name, columns[name]) for name in self.whole_columns}
        return {name: series for name, series in read.items() if series is not None}

    @cached_property
    def zones(self) -> dict[str, str]:
        """Time zones of the columns that have one."""
        return {column.name: column.zone for column in self.columns if column.zone}

    @cached_property
    def image(self) -> InputColumn | None:
        """The image column of a model for images; None for all others."""
        return next((column for column in self.columns if column.type == "image"), None)

    @property
    def kept_words(self) -> dict[str, list[str]]:
        """Text columns where training saw a category that is written as a missing value, with these words."""
        words = {
            column.name: [word for word in MISSING_WORDS if word not in self.missing_words.get(column.name, ())]
            for column in self.columns
            if column.type == "string"
        }
        return {name: found for name, found in words.items() if found}

    def words_seen(self, words: Collection[str]) -> dict[str, list[str]]:
        """Give which of some words training saw as values of text columns, as far as they are known."""
        seen = {
            column.name: {*column.categories, *(self.kept_words.get(column.name, ()) if self.missing_words else ())}
            for column in self.columns
            if column.type == "string"
        }
        return {name: found for name, values in seen.items() if (found := [word for word in words if word in values])}

    def arrays(self, frame: pl.DataFrame) -> dict[str, np.ndarray]:
        """Turn raw rows that are known to fit into the arrays that the graph takes."""
        if self.image is None:
            return self._without_words(to_arrays(self._in_zones(frame), self.column_names))
        return {column.name: images_to_array(column.name, frame[column.name], _form(column)) for column in self.columns}

    def _in_zones(self, frame: pl.DataFrame) -> pl.DataFrame:
        zoned = [placed(frame[name], zone) for name, zone in self.zones.items() if frame.schema[name].is_temporal()]
        return frame.with_columns(zoned) if zoned else frame

    def in_order(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the ordered categories of rows that type, so that pictures can follow their order."""
        ordered = [with_order(frame[each.name], each.categories) for each in self.columns if each.ordered]
        return frame.with_columns(ordered) if ordered else frame

    def rows(self, arrays: dict[str, np.ndarray], whole: Mapping[str, pl.Series] | None = None) -> CheckedRows:
        """Take arrays that are known to fit as rows."""
        return CheckedRows(arrays, len(next(iter(arrays.values()))), self.types, zones=self.zones, whole=whole)

    def column(self, name: str) -> InputColumn:
        """Give a column by its name.

        Raises
        ------
        InputError
            If the model takes no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise InputError(f"Got the column {name!r}, needed one of {_listed(self.column_names)}. Correct the name.")

    def check(self, rows: Any) -> CheckedRows:
        """Check rows of any form, and bring them into the form that the model takes.

        Missing values and categories that training never saw are allowed everywhere; columns that the model doesn't
        take are left out and listed.

        Parameters
        ----------
        rows : Polars, pandas or Arrow frame, stored table, dict of lists, list of dicts, or one dict
            A lazy frame is computed. For a model of images also images alone: an array of (n, height, width) or with
            channels behind, a path of a file or folder, the bytes of a file, or a list of these. Values in dicts count
            as typed, as from JSON; in a frame, numbers may also be written as text. Dates and times may be ISO text,
            typed, or seconds since 1970-01-01 UTC; without a zone they are read in the column's own, which is UTC where
            it has none. True and false are numbers only in columns in which training saw nothing but yes and no, or 1
            and 0.

        Raises
        ------
        InputError
            If a column is absent, a value has the wrong type (with its row, counted from 1) or there are no rows.

        Examples
        --------
        >>> columns = [InputColumn("age", "number", "number"), InputColumn("sex", "string", "category")]
        >>> signature = Signature("classification", "survived", [0, 1], columns)
        >>> signature.check([{"age": 31, "sex": None, "deck": "B"}]).ignored
        ['deck']
        """
        if self.image is not None and are_images(rows):
            images = gathered(rows)
            return self._check_columns({self.image.name: images}, len(images))
        if isinstance(rows, pl.DataFrame):
            return self._check_columns({name: rows[name] for name in rows.columns}, rows.height)
        if isinstance(rows, Mapping):
            return self._check_mapping(rows)
        if type(rows).__module__.startswith("pandas") and hasattr(rows, "columns"):
            return self._check_pandas(rows)
        if isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
            return self._check_records(rows)
        if is_frame(rows):
            frame = to_polars(rows)
            return self._check_columns({name: frame[name] for name in frame.columns}, frame.height)
        raise InputError(
            f"Got a {type(rows).__name__}, needed rows as a DataFrame, a dict of lists or a list of dicts. Convert it."
        )

    def _check_pandas(self, rows: Any) -> CheckedRows:
        if any(name in self.types and name not in rows.columns for name in rows.index.names):
            rows = rows.reset_index()  # an index that training had as a column
        names = [str(name) for name in rows.columns]
        repeated = next((name for name in names if name in self.types and names.count(name) > 1), None)
        if repeated is not None:
            raise InputError(f"The rows have two columns called {repeated!r}. Rename one of them.")
        columns = {name: _from_pandas(rows.iloc[:, place]) for place, name in enumerate(names) if name in self.types}
        return self._check_columns({name: columns.get(name) for name in names}, len(rows))

    def _check_mapping(self, rows: Mapping[str, Any]) -> CheckedRows:
        columns = dict(rows)
        # One row as {"age": 31} is what people try first.
        if columns and not any(
            isinstance(values, list | tuple | np.ndarray | pl.Series) for values in columns.values()
        ):
            columns = {name: [value] for name, value in columns.items()}
        wrong = next((name for name, values in columns.items() if not hasattr(values, "__len__")), None)
        if wrong is not None or any(isinstance(values, str) for values in columns.values()):
            raise InputError("Got columns and single values mixed, needed a list for each column. Put them in lists.")
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"Got columns of different length ({lengths}), needed one value for each row in all.")
        columns = {
            name: values.tolist() if isinstance(values, np.ndarray) and values.ndim == 1 else values
            for name, values in columns.items()
        }
        return self._check_columns(columns, next(iter(lengths.values()), 0))

    def _check_records(self, rows: Sequence[Any]) -> CheckedRows:
        if not rows:
            return self._check_columns({}, 0)
        first = next((i for i, row in enumerate(rows) if not isinstance(row, Mapping)), None)
        if first is not None:
            raise InputError(
                f"Got a {type(rows[first]).__name__} as row {first + 1} of {len(rows)}, needed a dict of column names "
                "and values. Send each row as one."
            )
        keys = rows[0].keys() if len(rows) == 1 else dict.fromkeys(key for row in rows for key in row)
        columns = {}
        for name in keys:
            try:
                columns[name] = [row[name] for row in rows]
            except KeyError:
                if name in self.column_names:
                    row = next(i for i, row in enumerate(rows) if name not in row)
                    raise InputError(
                        f"Got row {row + 1} of {len(rows)} without {name!r}, needed it in every row. "
                        "Add it; null stands for a missing value."
                    ) from None
                columns[name] = []
        return self._check_columns(columns, len(rows))

    def _check_columns(self, columns: Mapping[str, Any], n_rows: int) -> CheckedRows:
        if n_rows == 0:
            raise InputError("Got 0 rows, needed at least 1. Send the rows to predict.")
        arrays = {}
        for column in self.columns:
            values = columns.get(column.name)
            if values is None:
                self._refuse_absent(columns)
            if column.type == "image":
                arrays[column.name] = images_to_array(column.name, values, _form(column))
                continue
            convert = series_to_array if isinstance(values, pl.Series) else values_to_array
            given: dict[str, Any] = {"yes_or_no": column.is_yes_or_no, "zone": column.zone}
            arrays[column.name] = convert(column.name, values, column.type, **given)  # type: ignore[arg-type]
        known = arrays.keys()
        if self.image is not None:
            n_rows = len(next(iter(arrays.values())))  # one image may have come as an array of two axes
        ignored = [str(name) for name in columns if name not in known]
        whole = self.whole(columns) if self.whole_columns else None
        return CheckedRows(self._without_words(arrays), n_rows, self.types, ignored, self.zones, whole)

    def _without_words(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Let the words that stand for a missing value be missing, as in the graph."""
        for name, words in self.missing_words.items():
            texts = arrays[name].tolist()
            if not set(words).isdisjoint(texts):
                arrays[name] = np.array(["" if text in words else text for text in texts], dtype=object)
        return arrays

    def _refuse_absent(self, columns: Mapping[str, Any]) -> None:
        absent = [name for name in self.column_names if name not in columns]
        spare = [str(name) for name in columns if name not in self.column_names]
        near = difflib.get_close_matches(absent[0], spare, n=1)
        hint = f" Is {near[0]!r} meant?" if near else ""
        raise InputError(
            f"Got rows without {_listed(absent)}, needed the columns {_listed(self.column_names)}. "
            f"Add what is absent; null stands for a missing value.{hint}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        plain = self.graph_inputs is None and "datetime" not in self.types.values()
        document: dict[str, Any] = {
            "format": _IMAGE_FORMAT if self.image else _PLAIN_FORMAT if plain else FORMAT,
            "task": self.task,
            "target": self.target,
            "classes": self.classes,
            "columns": [column.to_dict() for column in self.columns],
        }
        if self.zones:
            document["zone_note"] = ZONE_NOTE
        if self.graph_inputs is not None:
            document |= {"graph_inputs": self.graph_inputs, "graph_note": GRAPH_NOTE}
        if self.missing_words:
            document["missing_words"] = self.missing_words
        return document

    @classmethod
    def from_dict(cls, document: Any) -> Signature:
        """Build from `to_dict`.

        Raises
        ------
        PackageError
            If the document isn't a signature of a known format.
        """
        try:
            if document["format"] not in (_PLAIN_FORMAT, FORMAT, _IMAGE_FORMAT):
                raise PackageError(
                    f"Got a signature of format {document['format']}, needed {_IMAGE_FORMAT} or earlier. Update the "
                    "workbench."
                )
            columns = [InputColumn.from_dict(column) for column in document["columns"]]
            inner = document.get("graph_inputs")
            words = dict(document.get("missing_words", {}))
            return cls(document["task"], document["target"], document["classes"], columns, inner, words)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise PackageError(f"Got a signature that can't be read ({error!r}). Build the package again.") from error


def _form(column: InputColumn) -> ImageForm:
    if column.image is None:
        raise PackageError(
            f"Got a signature with images in {column.name!r} and no size, needed one. Build the package again."
        )
    return column.image


def _from_pandas(series: Any) -> pl.Series | list[Any]:
    kind, is_extension = getattr(series.dtype, "kind", "O"), hasattr(series.dtype, "na_value")
    dtype = getattr(series.dtype, "pyarrow_dtype", series.dtype)  # pandas keeps the zone in either
    if kind == "M" and not str(dtype).startswith("date"):
        has_zone = getattr(dtype, "tz", None) is not None
        zoneless = series.dt.tz_convert("UTC").dt.tz_localize(None) if has_zone else series
        moments = pl.Series(zoneless.to_numpy().astype("datetime64[us]"))
        return moments.dt.replace_time_zone("UTC") if has_zone else moments
    if kind in "iufb" and hasattr(series.dtype, "itemsize") and not (is_extension and series.isna().any()):
        return pl.Series(series.to_numpy())  # beside a gap, an extension's whole numbers would be rounded
    values = [None if gap else value for value, gap in zip(series.tolist(), series.isna().tolist(), strict=True)]
    if kind in "iu":
        return pl.Series(values, dtype=pl.UInt64 if kind == "u" else pl.Int64)
    if kind == "M":
        return pl.Series(values, dtype=pl.Date)
    # Text from a file may hold numbers; anything else is checked value by value.
    return pl.Series(values, dtype=pl.String) if all(type(value) in (str, type(None)) for value in values) else values


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN_COLUMNS])
    return shown + (f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else "")
