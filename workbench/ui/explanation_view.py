"""An explanation: all rows first, then one column, then one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import streamlit as st

from workbench import plots
from workbench.explain import Explanation
from workbench.ui import image_view, messages, words
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.explain import ExplanationJob
    from workbench.ui.subject import Subject

SECONDS = 1.0


def progress(job: ExplanationJob) -> None:
    """Draw how far a running explanation is, every second, until it has ended."""
    st.fragment(_draw_progress, run_every=SECONDS, key="explain.live")(job)


def _draw_progress(job: ExplanationJob) -> None:
    now = job.state
    if now.has_ended:
        st.rerun()
    share = min(max(now.progress, 0.0), 1.0)
    said = "Starting a process of its own …" if now.status == "queued" or share == 0 else f"{share:.0%} of the rows"
    st.progress(share, text=said)
    st.caption("It goes on when you leave the page, and is kept: asked again, it is there at once.")


def show(job: ExplanationJob, asked: Subject) -> None:
    """Draw a finished explanation."""
    explanation = load(str(job.folder.resolve()))
    _headline(explanation, asked)
    output = _choose_output(explanation)
    shape = image_view.image_shape(explanation.column_names)
    _all_rows(explanation, output, shape)
    _one_column(explanation, output)
    _one_row(explanation, output, shape)


@st.cache_resource(max_entries=8, show_spinner=False)
def load(folder: str) -> Explanation:
    """Read a finished explanation; its folder's name is the digest of what was asked."""
    return Explanation.load(folder)


def _headline(explanation: Explanation, asked: Subject) -> None:
    error = explanation.additivity_error
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"**{messages.plain(asked.label)}** · {words.plural(explanation.n_rows, 'row')} · "
            f"**{messages.plain(explanation.output_space)}** of {messages.plain(explanation.target)} · "
            f"{explanation.engine}",
            width="content",
        )
        st.badge(
            f"additivity error {error:.1e}",
            color="green" if error < 1e-3 else "orange",
            icon=":material/check_circle:" if error < 1e-3 else ":material/warning:",
            help="Largest distance of a row's output from the mean plus its SHAP values. "
            f"Computed by {messages.plain(explanation.method)}, in {words.duration(explanation.seconds)}.",
        )


def _choose_output(explanation: Explanation) -> str | None:
    names = explanation.output_names
    if len(names) < 2:
        return None
    usual = names.index(str((explanation.classes or names)[explanation.output_index()]))
    return st.selectbox(
        f"Class of {messages.plain(explanation.target)}",
        names,
        index=usual,
        key="explain.output",
        width=260,
        help="SHAP values belong to one output: this class against all others.",
    )


def _all_rows(explanation: Explanation, output: str | None, shape: tuple[int, int] | None) -> None:
    st.subheader("All rows", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        ranked = explanation.importance()
        if shape:
            values = explanation.frame(output).group_by("column").agg(pl.col("shap_value").abs().mean())
            figure = plots.pixels(
                image_view.grid_of(dict(values.iter_rows()), shape),
                title="Importance of each pixel: mean |SHAP value|",
                alt="Importance of each pixel",
            )
            figure.update_layout(height=480)
        else:
            figure = explanation.plot("importance")
        picture(figure, key="explain.importance", numbers=ranked)
    with right:
        numbers = explanation.frame(output if output is not None else explanation.output_names[0])
        picture(
            explanation.plot("beeswarm", output=output),
            key="explain.beeswarm",
            numbers=numbers,
            on_select=_choose_clicked_row,
            selection_mode="points",
        )
        st.caption("Each point is a row; click one to see it below.")


def _choose_clicked_row() -> None:
    event = st.session_state.get("explain.beeswarm")
    points = event.selection.points if event else []
    if points and points[0].get("customdata"):
        st.session_state["explain.row"] = int(points[0]["customdata"][0])


@st.fragment(key="explain.column_part")
def _one_column(explanation: Explanation, output: str | None) -> None:
    st.subheader("One column", anchor=False)
    names = explanation.importance()["column"].to_list()
    column = st.selectbox("Column", names, key="explain.column", width=260, help="Most important first.")
    numbers = explanation.frame(output if output is not None else explanation.output_names[0])
    picture(
        explanation.plot("dependence", column=column, output=output),
        key="explain.dependence",
        numbers=numbers.filter(pl.col("column") == column),
    )


def _one_row(explanation: Explanation, output: str | None, shape: tuple[int, int] | None) -> None:
    st.subheader("One row", anchor=False)
    if st.session_state.get("explain.row", 0) >= explanation.n_rows:
        st.session_state["explain.row"] = 0
    left, right = st.columns([2, 3], gap="medium")
    with left:
        row = st.number_input(
            f"Row, 0 to {explanation.n_rows - 1}",
            0,
            explanation.n_rows - 1,
            key="explain.row",
            help="Position among the explained rows; a click on a point of the beeswarm chooses it, too.",
        )
        st.markdown(messages.plain(explanation.words(row, output)))
        if shape:
            figure = plots.pixels(image_view.grid_of(explanation.data.row(row, named=True), shape), alt=f"Row {row}")
            picture(figure, key="explain.row_image")
    with right:
        numbers = explanation.row_frame(row, output)
        if shape:
            effects = image_view.grid_of(dict(numbers.select("column", "shap_value").iter_rows()), shape)
            if np.isfinite(effects).any():
                picture(
                    plots.pixel_effects(effects, title="Effect of each pixel"),
                    key="explain.row_pixels",
                    numbers=numbers,
                )
        else:
            picture(explanation.plot("waterfall", row=row, output=output), key="explain.waterfall", numbers=numbers)
