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
_GAP = r"\quad\allowbreak "
_SHORT = 60  # characters of LaTeX, about the width of a phone


def formula(latex: str) -> None:
    """Draw a formula that goes on in the next line where the page is too narrow for it.

    A displayed formula is one line, cut where it doesn't fit; one in running text wraps. Short equations stay whole,
    long ones may break at their relations.
    """
    equations = [part.strip() for part in _BETWEEN.split(latex)]
    kept = [f"{{{part}}}" if len(part) <= _SHORT else part for part in equations]
    st.markdown(rf"$\displaystyle {_GAP.join(kept)}$", text_alignment="center")


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
