"""How good a run is: the one number that matters, then the pictures of its task, then the rows behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from workbench.errors import WorkbenchError
from workbench.evaluation import metrics_for
from workbench.ui import folds_view, image_gallery, messages, page, pages, words
from workbench.ui.picture import picture
from workbench.ui.row_tables import beside

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from streamlit.delta_generator import DeltaGenerator

    from workbench.data import Table
    from workbench.evaluation import PlotKind, Report
    from workbench.training.run import Run

SPLIT_HELP = {
    "train": "rows the model was fitted on: always flattering",
    "validation": "rows that early stopping and choices have seen",
    "test": "rows the model has never seen",
}
MAX_ROWS = 500
CURVE_HEIGHT = 420


@dataclass(frozen=True)
class Cell:
    """What was clicked: the pair of an actual and a predicted class, or some rows of the table."""

    label: str
    filter: pl.Expr


def report_of(run: Run) -> Report:
    """Open the run's report; without one, say why, offer the way to the run, and stop."""
    run_state = run.state
    if run_state.has_ended and (run.report_folder / "report.json").is_file():
        with messages.shown(stop=True):
            return run.report()
    if run_state.has_ended:
        title = f"Run {run.id} is {run_state.status} and made no model"
        text = run_state.reason or "There is nothing to measure. Start another run."
    else:
        title = f"Run {run.id} is {run_state.status}"
        text = "Its metrics and pictures stand here once it has finished."
    if page.empty(title, messages.plain(text), button="See the run", key="evaluate.see_run"):
        pages.go("train")
    st.stop()


def headline(report: Report) -> str:
    """Draw the number that matters with its interval beside all metrics of all splits; give the chosen split."""
    splits = report.splits
    left, right = st.columns([2, 3], gap="medium")
    with left:
        split = st.segmented_control(
            "Split",
            splits,
            default="test" if "test" in splits else splits[-1],
            required=True,
            wrap=True,
            key="split",
            bind="query-params",
            help="; ".join(f"{name}: {meaning}" for name, meaning in SPLIT_HELP.items()),
        )
        _main_number(report, split)
    with right:
        _metric_table(report)
    folds_view.draw(report)
    return split


def _main_number(report: Report, split: str) -> None:
    name = report.main_metric
    metric = metrics_for(report.task)[name]
    value = report.metrics(split).get(name)
    interval = interval_of(report, name, split)
    unit = f" (unit of {report.target})" if metric.in_target_unit else ""
    with st.container(border=True, key="evaluate.headline", gap="xsmall"):
        st.caption(f"{messages.plain(metric.title)}{messages.plain(unit)}, {split} split", help=metric.meaning)
        st.markdown(f"# {words.number(value)}")
        if interval:
            low, high = (words.number(end) for end in interval)
            st.markdown(f"95 % interval **{low}** to **{high}**")
        st.caption(f"{report.n_rows(split):,} {SPLIT_HELP[split]}. {metric.better.capitalize()} is better.")


def interval_of(report: Report, metric: str, split: str) -> tuple[float, float] | None:
    """Give the 95 % bootstrap interval; computed once for a report and split."""
    stamp = (report.folder / "report.json").stat().st_mtime_ns
    return _interval(str(report.folder.resolve()), stamp, metric, split)


@st.cache_data(max_entries=200, show_spinner="Resampling for the interval …")
def _interval(folder: str, stamp: int, metric: str, split: str) -> tuple[float, float] | None:
    from workbench.evaluation import open_report

    try:
        return open_report(folder).interval(metric, split)
    except WorkbenchError:
        return None


def _metric_table(report: Report) -> None:
    frame = report.frame()
    known = metrics_for(report.task)
    shown = frame.with_columns(
        pl.col("metric").map_elements(lambda name: known[name].title, return_dtype=pl.String),
        better=pl.Series([known[name].better for name in frame["metric"]], dtype=pl.String),
    )
    columns = {split: st.column_config.NumberColumn(format="%.4g", help=SPLIT_HELP[split]) for split in SPLIT_HELP}
    st.dataframe(
        shown.select("metric", *report.splits, "better"),
        hide_index=True,
        height="content",
        column_config={**columns, "better": st.column_config.TextColumn(width="small")},
        alt=f"Metrics on {', '.join(report.splits)}",
    )
    n_rows = ", ".join(f"{split} {report.n_rows(split):,}" for split in report.splits)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"Rows: {n_rows}", width="content")
        st.download_button(
            "CSV",
            lambda: frame.write_csv(),
            file_name="metrics.csv",
            mime="text/csv",
            key="evaluate.metrics_csv",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )


def classification(report: Report, split: str) -> Cell | None:
    """Draw confusion matrix, ROC, precision-recall and calibration; give the clicked cell of the matrix."""
    numbers = report.confusion(split)
    upper, lower = st.columns(2, gap="medium"), st.columns(2, gap="medium")
    with upper[0]:
        figure = _clickable(report.plot("confusion", split=split), numbers)
        figure.update_layout(height=max(figure.layout.height, CURVE_HEIGHT))
        event = picture(figure, key="evaluate.confusion", numbers=numbers, on_select="rerun", selection_mode="points")
        st.caption("Click a cell to see its rows below.")
    curves: tuple[tuple[DeltaGenerator, PlotKind], ...] = (
        (upper[1], "roc"),
        (lower[0], "precision_recall"),
        (lower[1], "calibration"),
    )
    for column, kind in curves:
        with column:
            picture(report.plot(kind, split=split), key=f"evaluate.{kind}", numbers=getattr(report, kind)(split))
    return _clicked_cell(event, numbers)


def regression(report: Report, split: str) -> Cell | None:
    """Draw predicted against actual and the residuals; give the rows that were selected in one of them."""
    chosen: list[int] = []
    numbers = report.residuals(split)
    kinds: tuple[PlotKind, PlotKind] = ("predicted", "residuals")
    for column, kind in zip(st.columns(2, gap="medium"), kinds, strict=True):
        with column:
            event = picture(
                report.plot(kind, split=split),
                key=f"evaluate.{kind}",
                numbers=numbers,
                on_select="rerun",
                selection_mode="points",
            )
            chosen += [int(point["customdata"][0]) for point in _points(event) if point.get("customdata")]
    if not chosen:
        return None
    return Cell(f"chosen in the picture: {words.plural(len(set(chosen)), 'row')}", pl.col("row").is_in(chosen))


def _clickable(figure: go.Figure, numbers: pl.DataFrame) -> go.Figure:
    """Lay an invisible point over each cell: Plotly tells of clicks on points, not of clicks on a heat map."""
    k = max(1, round(numbers.height**0.5))
    figure.add_scatter(
        x=[i % k for i in range(k * k)],
        y=[i // k for i in range(k * k)],
        mode="markers",
        marker={"symbol": "square", "size": max(12, min(60, 300 // k)), "opacity": 0, "color": "#000000"},
        selected={"marker": {"opacity": 0.12}},
        unselected={"marker": {"opacity": 0}},
        customdata=list(range(k * k)),
        text=figure.data[0].customdata.reshape(k * k, 3)[:, 2] if figure.data else None,
        hovertemplate=[
            f"actual {actual}, predicted {predicted}<br>{count:,} rows, {share or 0:.1%} of the actual class"
            "<extra></extra>"
            for actual, predicted, count, share in numbers.select("actual", "predicted", "count", "share").iter_rows()
        ],
        showlegend=False,
    )
    figure.update_layout(clickmode="event+select", dragmode=False)
    return figure


def _points(event: Any) -> list[dict[str, Any]]:
    return list(event.selection.points) if event is not None and hasattr(event, "selection") else []


def _clicked_cell(event: Any, numbers: pl.DataFrame) -> Cell | None:
    for point in _points(event):
        position = point.get("customdata", point.get("point_index"))
        position = position[0] if isinstance(position, list) else position
        if isinstance(position, int) and position < numbers.height:
            actual, predicted = numbers.select("actual", "predicted").row(position)
            wanted = (pl.col("y_true") == actual) & (pl.col("prediction") == predicted)
            return Cell(f"actual {actual}, predicted {predicted}", wanted)
    return None


def rows(report: Report, split: str, table: Table | None, cell: Cell | None) -> None:
    """Draw the rows behind the pictures: those of the clicked cell, else the worst ones first."""
    st.subheader("Rows", anchor=False)
    found = _worst_first(report, split)
    which = "all"
    if cell is not None:
        found = found.filter(cell.filter)
    elif report.task == "classification":
        which = st.segmented_control(
            "Rows to show",
            ["wrong", "all"],
            default="wrong",
            required=True,
            wrap=True,
            format_func=lambda key: {"wrong": "Wrong ones", "all": "All"}[key],
            key="evaluate.rows",
            label_visibility="collapsed",
        )
    if which == "wrong":
        found = found.filter(pl.col("y_true") != pl.col("prediction"))
    order = "the largest error first" if report.task == "regression" else "the surest mistake first"
    said = messages.plain(cell.label) if cell is not None else order
    column = image_gallery.image_column(table)
    total = report.n_rows(split)
    st.caption(f"{min(found.height, MAX_ROWS):,} of {total:,} rows of the {split} split ({said}).")
    if found.is_empty():
        st.caption("No row is like this.")
        return
    if table is not None and column is not None:
        image_gallery.draw(found.head(MAX_ROWS), table, column, key=f"evaluate.gallery.{split}")
        return
    shown = _with_columns(found.head(MAX_ROWS), report, table)
    st.dataframe(shown, hide_index=True, alt=f"Rows of the {split} split with their predictions")


def _worst_first(report: Report, split: str) -> pl.DataFrame:
    if report.task == "regression":
        return report.residuals(split).sort(pl.col("residual").abs(), descending=True)
    frame = report.predictions(split)
    names = [name for name in frame.columns if name.startswith("probability_")]
    sure = frame.with_columns(probability=pl.max_horizontal(names))
    order = [pl.col("y_true") != pl.col("prediction"), pl.col("probability")]
    return sure.sort(order, descending=True).select("row", "y_true", "prediction", "probability")


def _with_columns(found: pl.DataFrame, report: Report, table: Table | None) -> pl.DataFrame:
    found = found.rename({"y_true": f"actual {report.target}"})
    if table is None or found.is_empty() or int(found["row"].max()) >= table.n_rows:  # type: ignore[arg-type]
        return found
    others = [column.name for column in table.columns if column.name != report.target]
    return beside(found, table.take(found["row"].to_numpy(), others), prefix="table_")[0]
