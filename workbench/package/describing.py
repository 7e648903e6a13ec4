"""The signature of a model, read off its training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.data.kinds import kind_of
from workbench.data.spec import Task
from workbench.package.checking import ColumnType
from workbench.package.signature import InputColumn, Signature

if TYPE_CHECKING:
    from workbench.recipe.fitted import FittedRecipe

MAX_CATEGORIES = 100


def make_signature(
    recipe: FittedRecipe, train: pl.DataFrame, target: str, task: Task, classes: list[str | int] | None
) -> Signature:
    """Describe the raw columns that a fitted recipe needs, from the training rows."""
    columns = [_describe(train[name], recipe.input_types[name]) for name in recipe.input_columns]
    return Signature(task, target, classes, columns)


def _describe(series: pl.Series, kind: ColumnType) -> InputColumn:
    return _describe_numbers(series) if kind == "number" else _describe_texts(series)


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


def _describe_texts(series: pl.Series) -> InputColumn:
    texts = series.cast(pl.String)
    texts = texts.set(texts == "", None)
    present = texts.drop_nulls()
    share = texts.null_count() / max(1, len(texts))
    counts = present.alias("value").value_counts().sort(["count", "value"], descending=[True, False])
    categories = counts["value"].head(MAX_CATEGORIES).to_list()
    return InputColumn(
        series.name,
        "string",
        kind_of(texts, n_unique=counts.height),
        categories=categories,
        n_categories=counts.height,
        n_missing_share=share,
        example=categories[0] if categories else None,
    )
