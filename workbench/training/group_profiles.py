"""What sets each group of rows apart: the columns in which it differs from all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl


def describe_groups(frame: pl.DataFrame, groups: np.ndarray) -> list[dict[str, Any]]:
    """Say in which columns each group of rows differs from all of them, the most telling column first."""
    labelled = frame.with_columns(pl.Series("__group", groups))
    found: list[dict[str, Any]] = []
    for name in frame.columns:
        column = frame[name]
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            found += _number_profile(labelled, name)
        elif column.dtype == pl.String and column.drop_nulls().len():
            usual = str(column.drop_nulls().mode().sort()[0])
            modes = labelled.group_by("__group").agg(pl.col(name).drop_nulls().mode().sort().first())
            found += [
                {"group": group, "column": name, "value": value, "overall": usual, "difference": None}
                for group, value in modes.iter_rows()
                if value != usual
            ]
    return sorted(found, key=lambda row: (row["group"], -abs(row["difference"] or 0.0)))


def _number_profile(labelled: pl.DataFrame, name: str) -> list[dict[str, Any]]:
    values = pl.col(name).cast(pl.Float64)
    overall, std = labelled.select(values.mean().alias("mean"), values.std().alias("std")).row(0)
    if overall is None or not std:
        return []
    means = labelled.group_by("__group").agg(values.mean())
    return [
        {
            "group": group,
            "column": name,
            "value": f"{mean:.4g}",
            "overall": f"{overall:.4g}",
            "difference": (mean - overall) / std,
        }
        for group, mean in means.iter_rows()
        if mean is not None
    ]
