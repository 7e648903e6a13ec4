"""What would this have leaked? The same recipe, learned once as it should be and once as it is often done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.recipe.checking_images import image_columns
from workbench.ui import messages, words
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.training.leaking import LeakComparison
    from workbench.training.spec import RunSpec
    from workbench.ui.drafts import Draft

SAMPLE_ROWS = 20_000
_ASKED = "prepare.leaks.asked"


def draw(table: Table, draft: Draft) -> None:
    """Draw the question, and its answer when it was asked for this very recipe."""
    if draft.finds:
        return  # without a target there is no score that could be too good
    if image_columns(table.columns, draft.recipe):
        return  # of images only the mean of their pixels is learned, which tells nothing of single ones
    st.subheader("What would this have leaked?", anchor=False)
    st.caption(
        "Learned steps see the training rows only. Here they are also fitted on all rows, test rows included, as "
        "is often done by mistake: if the score rises, it is too good to be true."
    )
    try:
        spec = draft.spec()
    except WorkbenchError as problem:
        messages.error(problem)
        return
    key = f"{table.digest} {spec.to_json()}"
    if st.session_state.get(_ASKED) != key:
        n_rows = min(SAMPLE_ROWS, table.n_rows)
        if not st.button(
            "Compare the scores",
            key="prepare.leaks.go",
            icon=":material/balance:",
            help=f"Fits the estimator two or three times on {n_rows:,} rows; some seconds. Nothing is stored.",
        ):
            return
        st.session_state[_ASKED] = key
    with st.spinner(f"Fitting on {min(SAMPLE_ROWS, table.n_rows):,} of {table.n_rows:,} rows …", show_time=True):
        found = _cached(key, spec)
    if isinstance(found, WorkbenchError):
        messages.error(found)
        return
    _answer(found)


@st.cache_resource(max_entries=16, show_spinner=False)
def _cached(key: str, _spec: RunSpec) -> LeakComparison | WorkbenchError:
    from workbench.training.leaking import leak_comparison

    try:
        return leak_comparison(_spec, n_rows=SAMPLE_ROWS)
    except WorkbenchError as problem:
        return problem


def _answer(found: LeakComparison) -> None:
    picture_side, words_side = st.columns([3, 2], gap="large", vertical_alignment="center")
    with picture_side:
        picture(found.plot(), key="prepare.leaks", numbers=found.frame())
    with words_side:
        for finding in found.findings:
            st.markdown(f"- {messages.plain(finding)}")
        st.caption(
            f"{words.plural(found.n_test, 'held-out row')}; looked at {found.n_rows:,} of "
            f"{words.plural(found.n_rows_total, 'row')}."
        )
