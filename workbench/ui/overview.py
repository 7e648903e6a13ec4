"""What is here: recent runs with the course of their loss, models with their live version, and the three doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui import messages, pages, state, words
from workbench.ui.run_words import best_text, estimator_title, loss_curve

if TYPE_CHECKING:
    from workbench.registry import Version
    from workbench.training.run import Run

N_RUNS = 6
_DOORS = (
    ("data", ":material/table_chart:", "Look at data", "Open a sample or your own file, and see every column."),
    ("train", ":material/model_training:", "Train a model", "Choose an estimator, start it, and watch it learn."),
    ("predict", ":material/psychology:", "Ask a model", "Fill in a row, see the answer and what pushed it there."),
)


def doors() -> None:
    """Draw the three ways in."""
    with st.grid(3, min_column_width=240):
        for key, icon, label, text in _DOORS:
            with st.container(border=True, height="stretch", gap="xsmall"):
                st.markdown(f"### {icon} {label}")
                st.caption(text)
                st.space("stretch")
                if st.button(f"Open {pages.PAGES[key].title}", key=f"home.door.{key}", icon=":material/arrow_forward:"):
                    pages.go(key)


def recent_runs() -> None:
    """Draw the newest runs as cards."""
    from workbench.training.listing import runs

    st.subheader("Recent runs", anchor=False)
    found: list[Run] = []
    with messages.shown():
        found = runs()[:N_RUNS]
    if not found:
        st.caption("A run that you start shows here, with the course of its loss. It goes on when the page is closed.")
        return
    with st.grid(3, min_column_width=270):
        for run in found:
            with messages.shown():  # a damaged run leaves the others their place
                _run_card(run)


def _run_card(run: Run) -> None:
    run_state = run.state
    with st.container(border=True, height="stretch", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.page_link(
                pages.path("train"), label=messages.plain(run.id), query_params={**state.address(), "run": run.id}
            )
            words.status_badge(run_state.status)
        losses = loss_curve(run)
        st.metric(
            best_text(run)[0],
            best_text(run)[1],
            chart_data=losses if len(losses) > 1 else None,
            help="The line is the loss: validation where there is one, else training.",
        )
        st.caption(
            f"{estimator_title(run.estimator)} on {messages.plain(run.data_name)} · {words.ago(run_state.created)}"
        )


def published_models() -> None:
    """Draw the models with the version that answers."""
    from workbench import registry

    st.subheader("Models", anchor=False)
    names: list[str] = []
    with messages.shown():
        names = [str(name) for name in registry.models()]
    if not names:
        st.caption("A run that you publish becomes a numbered version here, and answers over HTTP a second later.")
        return
    with st.grid(3, min_column_width=270):
        for name in names:
            with messages.shown():
                _model_card(name, registry.resolve(name))


def _model_card(name: str, version: Version) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.page_link(
                pages.path("predict"), label=messages.plain(name), query_params={**state.address(), "model": name}
            )
            st.badge(f"v{version.number} live", icon=":material/check_circle:", color="green")
        test = version.metrics.get("test", version.metrics) or {}
        shown = [
            f"{metric.replace('_', ' ')} {words.number(value, 3)}"
            for metric, value in test.items()
            if isinstance(value, (int, float))
        ]
        st.caption(f"{' · '.join(shown[:3]) or 'no metrics'} (test) · published {words.ago(version.created)}")
