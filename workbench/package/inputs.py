"""What goes into a model: one of its columns as training saw it, and rows that fit all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from workbench.data.encoding import from_arrays
from workbench.data.spec import Kind
from workbench.package.checking import ColumnType
from workbench.package.image_inputs import ImageForm
from workbench.package.moments import seconds_of


@dataclass(frozen=True)
class InputColumn:
    """A raw column that the model takes, as it was in the training rows.

    Parameters
    ----------
    name : str
    type : {"number", "string", "datetime", "image"}
    kind : Kind
    minimum, maximum : float, str or None
        Of numbers, and of dates and times as ISO text (in UTC, or with the offset of `zone`); None for text.
    median, q05, q95 : float or None
        Of numbers.
    categories : list of str
        Values of a text column, most frequent first, at most 100; none of free text and identifiers. Those of an
        ordered category stand in their order, the lowest first.
    n_categories : int
        Different values of a text column, also beyond those listed.
    n_missing_share : float
        Share of missing values, 0 to 1.
    integer : bool
        Whether all numbers are whole.
    example : float, str or None
        A typical value: the median, or the most frequent text; none of free text and identifiers.
    date_only : bool
        Whether all moments were dates without a time.
    image : ImageForm, optional
        Of images: the size and colours that every image is brought to.
    ordered : bool
        Whether `categories` have an order.
    zone : str, optional
        Of dates and times: the time zone of the training column. The model reckons by its clocks, and a request's time
        without a zone is read by them; ``model.onnx`` still takes seconds since 1970-01-01 UTC.
    """

    name: str
    type: ColumnType
    kind: Kind
    minimum: float | str | None = None
    maximum: float | str | None = None
    median: float | None = None
    q05: float | None = None
    q95: float | None = None
    categories: list[str] = field(default_factory=list)
    n_categories: int = 0
    n_missing_share: float = 0.0
    integer: bool = False
    example: float | str | None = None
    date_only: bool = False
    image: ImageForm | None = None
    ordered: bool = False
    zone: str | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest training value as the model takes them: numbers, or seconds since 1970-01-01 UTC."""
        if self.minimum is None or self.maximum is None:
            return None
        if self.type == "datetime":
            return seconds_of(self.minimum, self.zone) or 0.0, seconds_of(self.maximum, self.zone) or 0.0
        return float(self.minimum), float(self.maximum)

    @property
    def is_yes_or_no(self) -> bool:
        """Whether the values are yes and no, as far as training saw: true is no number where it saw 30."""
        if self.type != "number":
            return False
        return self.bounds is None or (self.integer and 0 <= self.bounds[0] and self.bounds[1] <= 1)

    @property
    def is_free_text(self) -> bool:
        """Whether the values are texts to be read rather than categories to be chosen from."""
        return self.type == "string" and self.kind == "text"

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        document = asdict(self)
        if not self.date_only:
            del document["date_only"]  # unknown to earlier workbenches
        if self.image is None:
            del document["image"]
        if self.zone is None:
            del document["zone"]
        if not self.ordered:
            del document["ordered"]
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> InputColumn:
        """Rebuild from `to_dict`."""
        image = document.get("image")
        return cls(**{**document, "image": ImageForm(**image) if image else None})


class CheckedRows:
    """Rows that fit a signature.

    Parameters
    ----------
    arrays : dict of str to ndarray of shape (n_rows,)
        One for each column of the signature, in its order; as the graph takes them. Images are (n_rows, height, width,
        n_channels), in uint8.
    n_rows : int
    types : dict of str to {"number", "string", "datetime", "image"}
        Of each column.
    ignored : list of str
        Columns that came but that the model doesn't take.
    zones : dict of str to str, optional
        Time zones of columns that have one.
    whole : dict of str to Series, optional
        Columns of whole numbers beyond 2**53 with all their digits, which the arrays round; steps in front of a graph,
        and the native model, take these.
    """

    def __init__(
        self,
        arrays: dict[str, np.ndarray],
        n_rows: int,
        types: Mapping[str, ColumnType],
        ignored: Sequence[str] = (),
        zones: Mapping[str, str] | None = None,
        whole: Mapping[str, pl.Series] | None = None,
    ) -> None:
        self.arrays = arrays
        self.n_rows = n_rows
        self.types = types
        self.ignored = list(ignored)
        self.zones = dict(zones or {})
        self.whole = dict(whole or {})

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The rows as a data frame with exactly the signature's columns; missing is null."""
        return from_arrays({**self.arrays, **self.whole}, self.types, self.zones)
