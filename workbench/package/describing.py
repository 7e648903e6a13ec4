"""The signature of a model, read off its training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.data.encoding import to_array
from workbench.data.kinds import kind_of
from workbench.data.orders import in_order, orders_of
from workbench.data.spec import Task
from workbench.data.zones import wall_clock_seconds, zone_of
from workbench.package.checking import ColumnType
from workbench.package.image_inputs import ImageForm
from workbench.package.inputs import InputColumn
from workbench.package.moments import moment_text
from workbench.package.signature import MISSING_WORDS, Signature
from workbench.recipe.images import FittedImages

if TYPE_CHECKING:
    from workbench.recipe.fitted import FittedRecipe

MAX_CATEGORIES = 100
MAX_CATEGORY_CHARS = 200  # a longer category isn't listed
SECONDS_A_DAY = 86_400


def make_signature(
    recipe: FittedRecipe | FittedImages,
    train: pl.DataFrame,
    target: str,
    task: Task,
    classes: list[str | int] | None,
    *,
    orders: Mapping[str, Sequence[str]] | None = None,
) -> Signature:
    """Describe the raw columns that a fitted recipe needs, from the training rows.

    `orders` are the words of ordered categories, as `Table.orders` gives them; a column of type Enum tells its own.
    """
    if isinstance(recipe, FittedImages):
        form = ImageForm.of(recipe)
        return Signature(task, target, classes, [InputColumn(recipe.column, "image", "image", image=form)])
    known = orders_of(train.schema) | {name: tuple(order) for name, order in (orders or {}).items()}
    columns = [
        describe_column(train[name], recipe.input_types[name], known.get(name, ())) for name in recipe.input_columns
    ]
    inner: dict[str, ColumnType] | None = dict(recipe.inner_types) if recipe.needs_frame else None
    texts = [column.name for column in columns if column.type == "string"]
    return Signature(task, target, classes, columns, inner, missing_words(train.select(texts)))


def missing_words(*frames: pl.DataFrame) -> dict[str, list[str]]:
    """Give for each text column the words of `MISSING_WORDS` that none of these rows holds: no category is meant."""
    found: dict[str, list[str]] = {}
    for name in frames[0].columns:
        texts = [frame[name].cast(pl.String) for frame in frames]
        seen = {word for each in texts for word in each.filter(each.is_in(MISSING_WORDS)).unique().to_list()}
        words = [word for word in MISSING_WORDS if word not in seen]
        if words:
            found[name] = words
    return found


def describe_column(series: pl.Series, kind: ColumnType, order: Sequence[str] = ()) -> InputColumn:
    """Describe a column of the training rows that enters the model as this type."""
    if kind == "datetime":
        return _describe_moments(series)
    return _describe_numbers(series) if kind == "number" else _describe_texts(series, order)


def _describe_moments(series: pl.Series) -> InputColumn:
    seconds, zone = to_array(series), zone_of(series.dtype)
    present = np.sort(seconds[~np.isnan(seconds)])
    share = 1 - len(present) / max(1, len(seconds))
    if not len(present):
        return InputColumn(series.name, "datetime", "constant", n_missing_share=share, zone=zone)
    shown = wall_clock_seconds(present, zone) if zone else present
    date_only = bool((shown % SECONDS_A_DAY == 0).all())
    lowest, middle, highest = (
        moment_text(float(present[place]), date_only=date_only, zone=zone) for place in (0, len(present) // 2, -1)
    )
    return InputColumn(
        series.name,
        "datetime",
        "constant" if present[0] == present[-1] else "datetime",
        minimum=lowest,
        maximum=highest,
        n_missing_share=share,
        example=middle,
        date_only=date_only,
        zone=zone,
    )


def _describe_numbers(series: pl.Series) -> InputColumn:
    numbers = series.cast(pl.Float64).fill_nan(None)
    present = numbers.drop_nulls()
    present = present.filter(present.is_finite())
    share = numbers.null_count() / max(1, len(numbers))
    if not len(present):
        return InputColumn(series.name, "number", "constant", n_missing_share=share)
    kind = kind_of(series, n_unique=present.n_unique())
    minimum, q05, median, q95, maximum = np.quantile(present.to_numpy(), [0.0, 0.05, 0.5, 0.95, 1.0]).tolist()
    integer = bool((present % 1 == 0).all())
    return InputColumn(
        series.name,
        "number",
        kind,
        minimum=minimum,
        maximum=maximum,
        median=median,
        q05=q05,
        q95=q95,
        n_missing_share=share,
        integer=integer,
        example=float(round(median)) if integer else median,
    )


def _describe_texts(series: pl.Series, order: Sequence[str]) -> InputColumn:
    texts = series.cast(pl.String)
    texts = texts.set(texts == "", None)
    present = texts.drop_nulls()
    share = texts.null_count() / max(1, len(texts))
    counts = present.alias("value").value_counts().sort(["count", "value"], descending=[True, False])
    kind = kind_of(texts, n_unique=counts.height)
    # Letters, names and numbers of customers aren't a model's to hand out, and no form could offer them.
    listed = counts["value"].head(0 if kind in ("text", "identifier") else MAX_CATEGORIES)
    frequent = listed.filter(listed.str.len_chars() <= MAX_CATEGORY_CHARS).to_list()
    categories = in_order(frequent, order) if order else frequent
    return InputColumn(
        series.name,
        "string",
        kind,
        categories=categories,
        n_categories=counts.height,
        n_missing_share=share,
        example=frequent[0] if frequent else None,
        ordered=bool(order),
    )
