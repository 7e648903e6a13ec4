"""Runs side by side: their metrics with the best marked, intervals, and their curves over each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from workbench import plots
from workbench.errors import WorkbenchError
from workbench.evaluation import compare, metrics_for
from workbench.ui import messages, words
from workbench.ui.picture import picture
from workbench.ui.report_view import interval_of

if TYPE_CHECKING:
    from workbench.evaluation import Report
    from workbench.training.run import Run

MAX_OTHERS = 5
LISTED_RUNS = 100
_CURVES = {"roc": "ROC", "precision_recall": "Precision and recall", "calibration": "Calibration"}
_AXES = {
    "roc": ("false_positive_rate", "true_positive_rate"),
    "precision_recall": ("recall", "precision"),
    "calibration": ("mean_predicted", "observed_share"),
}


def draw(run: Run, report: Report, split: str) -> None:
    """Draw the choice of other runs and the comparison."""
    others = comparable(run, report)
    if not others:
        st.caption(
            f"Other finished runs that predict {messages.plain(report.target)} stand here beside this one. "
            "Train a second one, for example with another estimator."
        )
        return
    chosen = st.multiselect(
        "Compare with",
        list(others),
        default=list(others)[:1],
        max_selections=MAX_OTHERS,
        key="compare",
        bind="query-params",
        help="Finished runs with the same target; each is measured on its own rows of the split.",
    )
    reports = {run.id: report, **{name: others[name] for name in chosen if name in others}}
    with messages.shown():
        _metrics(reports, split)
        if report.task == "classification":
            _curves(reports, split)
        _say_when_rows_differ(reports, split)


def comparable(run: Run, report: Report) -> dict[str, Report]:
    """Find the other runs with a report on the same target and classes, newest first."""
    from workbench.training.listing import runs

    found: dict[str, Report] = {}
    for other in runs()[:LISTED_RUNS]:
        if other.id == run.id or not (other.report_folder / "report.json").is_file():
            continue
        try:
            candidate = other.report()
        except WorkbenchError:  # one damaged run doesn't keep the others from being compared
            continue
        if (candidate.target, candidate.task, candidate.classes) == (report.target, report.task, report.classes):
            found[other.id] = candidate
    return found


def _metrics(reports: dict[str, Report], split: str) -> None:
    frame = compare(reports, split=split)
    known = metrics_for(next(iter(reports.values())).task)
    marked = {
        name: pl.Series(
            [
                f"{words.number(value)}{'  ★' if best == name else ''}"
                for value, best in frame.select(name, "best").iter_rows()
            ]
        )
        for name in reports
    }
    titles = pl.Series("metric", [known[name].title for name in frame["metric"]], dtype=pl.String)
    shown = pl.DataFrame([titles]).with_columns(**marked).with_columns(better=frame["better"])
    st.dataframe(
        shown, hide_index=True, height="content", alt="Metrics of the runs side by side; a star marks the best"
    )
    st.caption(f"★ best on the {split} split.")
    name = next(iter(reports.values())).main_metric
    picture(_main_metric(reports, name, split), key="evaluate.compare_metric", numbers=frame)


def _main_metric(reports: dict[str, Report], metric: str, split: str) -> go.Figure:
    rows = []
    for name, report in reports.items():
        value = report.metrics(split).get(metric) if split in report.splits else None
        low, high = (interval_of(report, metric, split) or (None, None)) if value is not None else (None, None)
        rows.append({"name": name, "value": value, "low": low, "high": high})
    schema = {"name": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema).drop_nulls("value")
    title = metrics_for(next(iter(reports.values())).task)[metric].title
    return plots.metric_bars(frame, metric=title, title=title, split=split)


def _curves(reports: dict[str, Report], split: str) -> None:
    kind = st.segmented_control(
        "Curve",
        list(_CURVES),
        default="roc",
        required=True,
        wrap=True,
        format_func=lambda key: _CURVES[key],
        key="evaluate.curve",
    )
    frames = {name: getattr(report, kind)(split) for name, report in reports.items() if split in report.splits}
    labels = (
        pl.concat([frame["class"].cast(pl.String) for frame in frames.values()]).unique(maintain_order=True).to_list()
    )
    label = labels[0] if labels else ""
    if len(labels) > 1:
        label = st.selectbox("Class, against the rest", labels, key="evaluate.curve_class")
    parts = {name: frame.filter(pl.col("class").cast(pl.String) == label) for name, frame in frames.items()}
    figure = plots.curves_over(parts, x=_AXES[kind][0], y=_AXES[kind][1], title=_CURVES[kind], split=split)
    numbers = pl.concat([part.with_columns(run=pl.lit(name)) for name, part in parts.items()])
    picture(figure, key=f"evaluate.compare_{kind}", numbers=numbers)


def _say_when_rows_differ(reports: dict[str, Report], split: str) -> None:
    rows = [set(report.predictions(split)["row"].to_list()) for report in reports.values() if split in report.splits]
    if any(part != rows[0] for part in rows[1:]):
        st.warning(
            "Compare runs with the same data, split and seed for a fair comparison.",
            title=f"These runs were measured on different rows of the {split} split.",
            icon=":material/info:",
        )
