"""The four pictures of an explanation, drawn by the plots room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from workbench import plots
from workbench.errors import ExplainError
from workbench.explain.wording import number_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.explain.result import Explanation, PlotKind


def draw(
    explanation: Explanation,
    kind: PlotKind,
    *,
    column: str | None,
    row: int,
    output: str | int | None,
    max_columns: int | None,
    title: str | None,
) -> go.Figure:
    """Draw one picture; see `Explanation.plot`."""
    unit = explanation.target if explanation.classes is None else explanation.output_space
    n_columns = max_columns or {"importance": 15, "beeswarm": 15}.get(kind, 10)
    if kind == "importance":
        several = len(explanation.output_names) > 1
        return plots.importance(
            explanation.importance(by_output=several),
            unit=unit,
            title=title or "Importance of each column",
            subtitle=f"{explanation.n_rows:,} rows",
            max_columns=n_columns,
        )
    if kind == "waterfall":
        return _waterfall(explanation, explanation.check_row(row), output, n_columns, title)
    if kind not in ("beeswarm", "dependence"):
        raise ExplainError(f"Got the plot {kind!r}, needed importance, beeswarm, dependence or waterfall. Choose one.")
    index = explanation.output_index(output)
    frame = explanation.frame(None if explanation.classes is None else explanation.classes[index])
    said = explanation.output_title(index)
    if kind == "beeswarm":
        return plots.beeswarm(frame, unit=unit, title=title or f"What moves the {said}", max_columns=n_columns)
    column = column or str(explanation.importance()["column"][0])
    if column not in explanation.column_names:
        names = ", ".join(explanation.column_names[:20])
        raise ExplainError(f"Got the column {column!r}, needed one of the model's. Choose from {names}.")
    part = frame.filter(pl.col("column") == column)
    dtype = explanation.data[column].dtype
    return plots.dependence(
        part,
        column=column,
        unit=unit,
        title=title or f"{column} and the {said}",
        dates=dtype.is_temporal(),
        order=dtype.categories.to_list() if isinstance(dtype, pl.Enum) else (),
    )


def _waterfall(
    explanation: Explanation, row: int, output: str | int | None, max_columns: int, title: str | None
) -> go.Figure:
    index = explanation.output_index(output, row=row)
    return plots.waterfall(
        explanation.row_frame(row, None if explanation.classes is None else explanation.classes[index]),
        base_value=float(explanation.base_values[index]),
        output=explanation.output_title(index),
        title=title or f"Row {row}: {number_text(float(explanation.outputs[row, index]))}",
        subtitle=explanation.note,
        max_columns=max_columns,
    )
