"""Several runs over each other: their curves, their parameters and metrics, and what their RunSpecs differ in."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
import streamlit as st

from workbench import plots
from workbench.evaluation.metrics import metrics_for
from workbench.plots.panels import metric_title
from workbench.ui import messages, words
from workbench.ui.picture import picture
from workbench.ui.run_words import first_metric

if TYPE_CHECKING:
    from workbench.training.run import Run

_DIFFERS = "●"


def draw(chosen: list[Run]) -> None:
    """Draw the comparison in tabs."""
    st.subheader(f"{len(chosen)} runs compared", anchor=False)
    parts = {
        "Curves": _curves,
        "Parameters and metrics": _numbers,
        "Parallel coordinates": _parallel,
        "RunSpecs": _specs,
    }
    tabs = st.tabs(list(parts), key="train.comparison", on_change="rerun")
    for tab, part in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab, messages.shown():
                part(chosen)


def _curves(chosen: list[Run]) -> None:
    histories = {run.id: run.history() for run in chosen}
    names = sorted(
        {name for history in histories.values() for name in history.columns if name not in ("time", "step", "epoch")}
    )
    if not names:
        st.caption("None of these runs has logged a curve yet.")
        return
    left, right = st.columns(2)
    preferred = "val_loss" if "val_loss" in names else names[0]
    metric = left.selectbox(
        "Measure", names, index=names.index(preferred), format_func=metric_title, key="train.compare_metric"
    )
    by: Literal["step", "time"] | None = right.segmented_control(
        "Axis", ["step", "time"], default="step", key="train.compare_by", required=True, wrap=True
    )
    numbers = pl.concat(
        [
            history.select("step", metric).with_columns(run=pl.lit(name))
            for name, history in histories.items()
            if metric in history.columns
        ]
    )
    picture(plots.compare_curves(histories, metric=metric, by=by or "step"), key="train.compare", numbers=numbers)


def _numbers(chosen: list[Run]) -> None:
    frame = comparison_frame(chosen)
    only = st.toggle("only what differs", True, key="train.compare_differs", help="Leaves out what all runs share.")
    shown = frame.filter("differs") if only else frame
    if not shown.height:
        st.caption("These runs have the same RunSpec and the same metrics.")
        return
    marked = shown.with_columns(differs=pl.when("differs").then(pl.lit(_DIFFERS)).otherwise(pl.lit("")))
    st.dataframe(
        marked.rename({"differs": " "}),
        hide_index=True,
        height="content" if marked.height < 20 else 560,
        alt="Parameters and metrics of the runs side by side; a dot marks what differs",
    )
    st.caption(f"{_DIFFERS} differs between the runs. Metrics are those of the test split.")


def comparison_frame(chosen: list[Run]) -> pl.DataFrame:
    """Put what runs were told and what they reached side by side.

    Returns
    -------
    DataFrame
        ``part`` ("test" or "spec"), ``name``, a column of text for each run, and ``differs``.
    """
    told = {run.id: _flat(run.spec.to_dict()) for run in chosen}
    reached = {run.id: run.metrics_so_far().get("test", {}) for run in chosen}
    rows = [_row("test", name, reached) for name in _names(reached)]
    rows += [_row("spec", name, told) for name in _names(told) if name not in ("name", "spec_version")]
    schema = {"part": pl.String, "name": pl.String, **dict.fromkeys(told, pl.String), "differs": pl.Boolean}
    return pl.DataFrame(rows, schema=schema)


def _row(part: str, name: str, values: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found = {run: one.get(name) for run, one in values.items()}
    shown = {run: _written(value) for run, value in found.items()}
    title = metric_title(name) if part == "test" else name
    return {"part": part, "name": title, **shown, "differs": len({str(value) for value in found.values()}) > 1}


def _names(values: dict[str, dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for one in values.values() for name in one))


def _written(value: Any) -> str:
    if value is None:
        return "–"
    return words.number(value) if isinstance(value, float) else str(value)


def _flat(document: Any, path: str = "") -> dict[str, Any]:
    """Give the leaves of a document by their paths: ``estimator.params.C``."""
    if isinstance(document, dict) and document:
        return {
            key: leaf
            for name, value in document.items()
            for key, leaf in _flat(value, f"{path}.{name}" if path else str(name)).items()
        }
    if isinstance(document, list) and any(isinstance(value, dict) for value in document):
        return {
            key: leaf for n, value in enumerate(document, start=1) for key, leaf in _flat(value, f"{path} {n}").items()
        }
    return {path: document}


def _specs(chosen: list[Run]) -> None:
    one, other, *more = chosen
    if more:
        st.caption(f"The first two of {len(chosen)} runs; choose two to see others.")
    lines = difflib.unified_diff(
        one.spec.to_yaml().splitlines(), other.spec.to_yaml().splitlines(), one.id, other.id, n=100, lineterm=""
    )
    told = "\n".join(line for line in lines if not line.startswith("@@"))
    if not told:
        st.caption("Both runs have the same RunSpec, name included.")
        return
    st.code(told, language="diff")


def _parallel(chosen: list[Run]) -> None:
    found = [(run, first_metric(run)) for run in chosen]
    names = {metric[0] for _, metric in found if metric}
    if len(names) != 1:
        st.caption("Parallel coordinates need runs that were measured by the same metric on test.")
        return
    metric = names.pop()
    rows = [
        {"run": run.id, "status": "finished", "value": reached[1], **_drawn(run)}
        for run, reached in found
        if reached is not None
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    parameters = [name for name in frame.columns if name not in ("run", "status", "value")]
    st.caption("Each line is a run, through the parameters in which they differ. Drag along an axis to keep some.")
    known = metrics_for("classification") | metrics_for("regression")
    better = known[metric].better if metric in known else "higher"
    figure = plots.search_parallel(frame, parameters, metric=metric_title(metric), better=better)
    picture(figure, key="train.parallel", numbers=frame)


def _drawn(run: Run) -> dict[str, Any]:
    told = _flat({"estimator": run.spec.estimator.model_dump(), "training": run.spec.training.model_dump()})
    return {
        name.removeprefix("estimator.params.").removeprefix("training."): value
        for name, value in told.items()
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    }
