"""What an estimator and the choices beside it mean as formulas, for whoever learns or teaches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from workbench.data.spec import AnyTask
    from workbench.estimators.entry import EstimatorEntry
    from workbench.ui.drafts import Draft

_BETWEEN = re.compile(r"\\q?quad")


def formula(latex: str) -> None:
    """Draw a formula that goes on in the next line where the page is too narrow for it.

    A displayed formula is one line, cut where it doesn't fit; one in running text wraps at its relations, and here also
    between its equations.
    """
    wrapping = _BETWEEN.sub(lambda gap: gap[0] + r"\allowbreak ", latex)
    st.markdown(rf"$\displaystyle {wrapping}$", text_alignment="center")


def choices(draft: Draft, chosen: EstimatorEntry, task: AnyTask) -> None:
    """Draw the formulas of the loss, the optimizer and the other choices of a draft."""
    from workbench.estimators.formulas import formulas_for

    found = formulas_for(chosen, draft.training.suited(chosen.training), task, draft.estimator.params)
    if not found:
        return
    with st.expander("What these choices mean", icon=":material/function:"):
        for each in found:
            with st.container(gap="xsmall"):
                st.markdown(f"**{each.title}**")
                formula(each.latex)
                st.caption(each.words)
