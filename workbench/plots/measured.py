"""Pictures of an evaluation: confusion matrix, ROC, precision-recall, calibration, residuals, comparison."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl

from workbench.plots.theme import (
    BLUE,
    GREY,
    MAX_LINE_POINTS,
    SPLIT_COLORS,
    class_color,
    class_labels,
    empty,
    figure,
    join,
    number,
    reference_line,
    rows_drawn,
    sample_rows,
    thin_line,
    with_unit,
    zero_line,
)

LEGEND_CHARACTERS = 64  # in a line of a legend in half a page of a 1,280 px window


def confusion(frame: pl.DataFrame, *, target: str, split: str = "test", n_rows: int | None = None) -> go.Figure:
    """Draw actual against predicted classes; a cell's shade is its share of the actual class.

    Parameters
    ----------
    frame : DataFrame
        ``actual``, ``predicted``, ``count``, ``share``: k * k rows, as `Report.confusion` gives.
    """
    labels = [str(label) for label in frame["actual"].unique(maintain_order=True).to_list()]
    k = len(labels)
    count = frame["count"].to_numpy().reshape(k, k)
    share = frame["share"].fill_null(0.0).to_numpy().reshape(k, k)
    total = int(count.sum()) if n_rows is None else n_rows
    right = int(np.trace(count))
    short = class_labels(labels)
    is_flat = max(map(len, short), default=0) * k <= 44  # else the labels below would overlap
    fig = figure(
        f"Confusion matrix of {target}",
        join(f"{split} split", f"{total:,} rows", "shade: share of the actual class"),
        height=max(340, min(170 + 46 * k, 760)) + (0 if is_flat else 70),
        alt=f"Confusion matrix of {target}, {split} split: {right:,} of {total:,} rows on the diagonal",
    )
    fig.add_heatmap(
        z=share,
        x=list(range(k)),
        y=list(range(k)),
        zmin=0,
        zmax=1,
        # Ends before BLUE, so that black numbers stand out from every shade (7:1).
        colorscale=[[0, "#EEF4F9"], [1, "#4C9FD3"]],
        textfont={"color": "#111111"},
        showscale=False,
        xgap=2,
        ygap=2,
        text=[
            [f"{n:,}<br>{p:.0%}" if k <= 6 else f"{n:,}" for n, p in zip(*row, strict=True)]
            for row in zip(count, share, strict=True)
        ],
        texttemplate="%{text}" if k <= 20 else None,
        customdata=np.dstack([np.tile(labels, (k, 1)), np.tile(labels, (k, 1)).T, count.astype(str)]),
        hovertemplate="actual %{customdata[1]}, predicted %{customdata[0]}<br>%{customdata[2]} rows, "
        "%{z:.1%} of the actual class<extra></extra>",
    )
    ticks = {"tickvals": list(range(k)), "ticktext": short, "showgrid": False, "type": "linear"}
    fig.update_xaxes(title="predicted class", constrain="domain", tickangle=0 if is_flat else -45, **ticks)
    fig.update_yaxes(title="actual class", autorange="reversed", **ticks)
    return fig


def roc(frame: pl.DataFrame, *, target: str, split: str = "test", n_rows: int | None = None) -> go.Figure:
    """Draw true against false positive rate, one line for each class, with the area in its label.

    Parameters
    ----------
    frame : DataFrame
        ``class``, ``threshold``, ``false_positive_rate``, ``true_positive_rate``.
    """
    if frame.is_empty():
        return empty(f"No ROC curve: the {split} split holds rows of one class only.")
    fig = _curve_figure("ROC curve", frame, target, split, n_rows)
    fig.add_trace(reference_line([0, 1], [0, 1], "guessing"))
    for name, part, color in _by_class(frame, split):
        x, y = part["false_positive_rate"].to_numpy(), part["true_positive_rate"].to_numpy()
        area = float(np.trapezoid(y, x))
        _add_curve(
            fig, x, y, part["threshold"], f"{name} · AUC {area:.3f}", color, "false positive rate", "true positive rate"
        )
    _label_curves(fig, frame)
    fig.update_xaxes(title=f"false positive rate (share of the rest called {_positive(frame)})", range=[-0.01, 1.01])
    fig.update_yaxes(title="true positive rate (share found)", range=[0, 1.02])
    return fig


def precision_recall(frame: pl.DataFrame, *, target: str, split: str = "test", n_rows: int | None = None) -> go.Figure:
    """Draw precision against recall, one line for each class; the dotted line is the precision of guessing.

    Parameters
    ----------
    frame : DataFrame
        ``class``, ``threshold``, ``recall``, ``precision``, ``prevalence``.
    """
    if frame.is_empty():
        return empty(f"No precision-recall curve: the {split} split has no row of the class.")
    fig = _curve_figure("Precision and recall", frame, target, split, n_rows)
    single = frame["class"].n_unique() == 1
    if single:
        prevalence = float(frame["prevalence"][0])
        fig.add_trace(reference_line([0, 1], [prevalence, prevalence], "guessing"))
        fig.add_annotation(
            x=0.01, y=prevalence, text=f"guessing: {prevalence:.1%}", showarrow=False, xanchor="left", yanchor="top"
        )
    for name, part, color in _by_class(frame, split):
        x, y = part["recall"].to_numpy(), part["precision"].to_numpy()
        average = float(np.sum(np.diff(x, prepend=0.0) * y))
        _add_curve(fig, x, y, part["threshold"], f"{name} · AP {average:.3f}", color, "recall", "precision")
    _label_curves(fig, frame)
    fig.update_xaxes(title=f"recall (share of {_positive(frame)} found)", range=[0, 1.01])
    fig.update_yaxes(title="precision (share of calls that are right)", range=[0, 1.02])
    return fig


def calibration(frame: pl.DataFrame, *, target: str, split: str = "test", n_rows: int | None = None) -> go.Figure:
    """Draw observed share against predicted probability, with 95 % intervals; the diagonal is perfect.

    Parameters
    ----------
    frame : DataFrame
        ``class``, ``mean_predicted``, ``observed_share``, ``low``, ``high``, ``count``.
    """
    if frame.is_empty():
        return empty(f"No calibration curve: the {split} split has no rows.")
    fig = _curve_figure("Calibration", frame, target, split, n_rows)
    fig.add_trace(reference_line([0, 1], [0, 1], "perfectly calibrated"))
    single = frame["class"].n_unique() == 1
    for name, part, color in _by_class(frame, split):
        share = part["observed_share"].to_numpy()
        bars = {
            "array": part["high"].to_numpy() - share,
            "arrayminus": share - part["low"].to_numpy(),
            "thickness": 1,
            "color": color,
        }
        fig.add_scatter(
            x=part["mean_predicted"].to_numpy(),
            y=share,
            mode="lines+markers",
            name=name,
            line={"color": color, "width": 2},
            marker={"size": 7},
            error_y={"type": "data", "symmetric": False, **bars} if single else None,
            customdata=part.select("count", "low", "high").rows(),
            hovertemplate=f"{name}<br>predicted %{{x:.3f}}<br>observed %{{y:.3f}} (95 %: %{{customdata[1]:.3f}} to "
            "%{customdata[2]:.3f})<br>%{customdata[0]:,} rows<extra></extra>",
        )
    if not single:
        _legend_below(fig)
    fig.update_xaxes(title=f"predicted probability of {_positive(frame)}", range=[-0.01, 1.01])
    fig.update_yaxes(title="observed share", range=[-0.01, 1.02])
    return fig


def predicted(frame: pl.DataFrame, *, target: str, split: str = "test", unit: str = "") -> go.Figure:
    """Draw predicted against actual values; on the diagonal a prediction is right.

    Parameters
    ----------
    frame : DataFrame
        ``row``, ``y_true``, ``prediction``, ``residual``.
    """
    if frame.is_empty():
        return empty(f"The {split} split has no rows.")
    fig, drawn = _scatter_figure("Predicted and actual", frame, target, split)
    both = frame.select("y_true", "prediction").to_numpy()
    low, high = float(both.min()), float(both.max())
    fig.add_trace(reference_line([low, high], [low, high], "right"))
    _add_points(fig, drawn, "y_true", "prediction", split)
    fig.update_xaxes(title=with_unit(f"actual {target}", unit))
    fig.update_yaxes(title=with_unit(f"predicted {target}", unit))
    return fig


def residuals(frame: pl.DataFrame, *, target: str, split: str = "test", unit: str = "") -> go.Figure:
    """Draw actual minus predicted against predicted; a pattern here is something the model hasn't learned.

    Parameters
    ----------
    frame : DataFrame
        ``row``, ``y_true``, ``prediction``, ``residual``.
    """
    if frame.is_empty():
        return empty(f"The {split} split has no rows.")
    fig, drawn = _scatter_figure("Residuals", frame, target, split)
    _add_points(fig, drawn, "prediction", "residual", split)
    zero_line(fig, "y")
    fig.update_xaxes(title=with_unit(f"predicted {target}", unit))
    fig.update_yaxes(title=with_unit("actual minus predicted", unit))
    return fig


def metric_bars(frame: pl.DataFrame, *, metric: str, title: str | None = None, split: str = "test") -> go.Figure:
    """Draw one metric of several runs.

    Parameters
    ----------
    frame : DataFrame
        ``name``, ``value`` and, where known, ``low`` and ``high`` of its interval.
    """
    intervals = {"low", "high"} <= set(frame.columns)
    note = "bars: 95 % intervals" if intervals else None
    fig = figure(title or metric, join(f"{split} split", note), height=100 + 34 * max(frame.height, 2))
    values = frame["value"].to_numpy()
    bars = None
    if intervals:
        high = frame["high"].fill_null(frame["value"]).to_numpy() - values
        low = values - frame["low"].fill_null(frame["value"]).to_numpy()
        bars = {"type": "data", "symmetric": False, "array": high, "arrayminus": low, "color": GREY}
    fig.add_scatter(
        x=values,
        y=[str(name) for name in frame["name"].to_list()],
        mode="markers+text",
        marker={"size": 11, "color": SPLIT_COLORS.get(split, BLUE)},
        text=[number(value) for value in values],
        textposition="top center",
        error_x=bars,
        hovertemplate="%{y}: %{x:.5g}<extra></extra>",
    )
    fig.update_yaxes(type="category", range=[frame.height - 0.5, -0.9])
    fig.update_xaxes(title=metric)
    return fig


def _curve_figure(title: str, frame: pl.DataFrame, target: str, split: str, n_rows: int | None) -> go.Figure:
    n_classes = frame["class"].n_unique()
    what = f"{target} = {frame['class'][0]}" if n_classes == 1 else f"{target}, each class against the rest"
    return figure(
        f"{title} of {what}", join(f"{split} split", f"{n_rows:,} rows" if n_rows is not None else None), height=420
    )


def _by_class(frame: pl.DataFrame, split: str) -> list[tuple[str, pl.DataFrame, str]]:
    labels = frame["class"].unique(maintain_order=True).to_list()
    if len(labels) == 1:  # one line has the colour of its split
        return [(str(labels[0]), frame, SPLIT_COLORS.get(split, BLUE))]
    return [(str(label), frame.filter(pl.col("class") == label), class_color(i)) for i, label in enumerate(labels)]


def _add_curve(
    fig: go.Figure, x: np.ndarray, y: np.ndarray, threshold: pl.Series, name: str, color: str, x_name: str, y_name: str
) -> None:
    keep = thin_line(x, y, MAX_LINE_POINTS)
    fig.add_scatter(
        x=x[keep],
        y=y[keep],
        mode="lines+markers" if len(keep) < 3 else "lines",
        name=name,
        line={"color": color, "width": 2},
        customdata=["none" if t is None else f"{t:.4f}" for t in threshold.gather(keep).to_list()],
        hovertemplate=f"{name}<br>{x_name} %{{x:.4f}}<br>{y_name} %{{y:.4f}}<br>"
        "threshold %{customdata}<extra></extra>",
    )


def _label_curves(fig: go.Figure, frame: pl.DataFrame) -> None:
    if frame["class"].n_unique() > 1:
        for trace in fig.data:
            trace.showlegend = trace.hoverinfo != "skip"
        _legend_below(fig)
        return
    label = fig.data[-1].name.split(" · ")[-1]
    fig.add_annotation(
        text=f"<b>{label}</b>", x=0.98, y=0.08, xref="paper", yref="paper", showarrow=False, xanchor="right"
    )


def _legend_below(fig: go.Figure) -> None:
    """Make room for the legend: long names take a line each, which mustn't come out of the picture's height."""
    longest = max((len(trace.name or "") for trace in fig.data), default=0)
    n_lines = -(-len(fig.data) // max(1, LEGEND_CHARACTERS // (longest + 6)))
    below = max(110, 60 + 19 * n_lines)
    fig.update_layout(showlegend=True, margin={"b": below}, height=370 + below)


def _positive(frame: pl.DataFrame) -> str:
    return str(frame["class"][0]) if frame["class"].n_unique() == 1 else "the class"


def _scatter_figure(title: str, frame: pl.DataFrame, target: str, split: str) -> tuple[go.Figure, pl.DataFrame]:
    keep = sample_rows(frame.height)
    said = join(f"{split} split", rows_drawn(len(keep), frame.height))
    return figure(f"{title} of {target}", said, height=420), frame[keep]


def _add_points(fig: go.Figure, frame: pl.DataFrame, x: str, y: str, split: str) -> None:
    draw = fig.add_scattergl if frame.height > 1_500 else fig.add_scatter
    draw(
        x=frame[x].to_numpy(),
        y=frame[y].to_numpy(),
        mode="markers",
        marker={"color": SPLIT_COLORS.get(split, BLUE), "size": 6, "opacity": 0.55 if frame.height < 1500 else 0.3},
        customdata=frame.select("row", "y_true", "prediction", "residual").rows(),
        hovertemplate="row %{customdata[0]:,}<br>actual %{customdata[1]:,.5g}<br>predicted %{customdata[2]:,.5g}<br>"
        "residual %{customdata[3]:,.5g}<extra></extra>",
    )
