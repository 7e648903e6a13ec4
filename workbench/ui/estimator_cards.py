"""What to train: the catalogue as cards, one family at a time, and the parameters of the chosen one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.estimators.catalogue import check_params, estimators_for
from workbench.estimators.spec import EstimatorSpec
from workbench.ui import drafts, forms, formulas_view, messages

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.spec import AnyTask
    from workbench.estimators.entry import EstimatorEntry, Takes

FAMILIES = {
    "simple": "Baseline",
    "linear": "Linear",
    "neighbors": "Neighbours and kernels",
    "trees": "Trees",
    "networks": "Networks",
    "images": "Images",
    "groups": "Without a target",
    "combined": "Combine runs",
    "own": "Own",
}
_ALL = "all"


def offered(task: AnyTask, takes: Takes) -> list[EstimatorEntry]:
    """Give the estimators that a form offers: those for this kind of data, and those that combine finished runs."""
    return [*estimators_for(task, takes=takes), *estimators_for(task, takes="runs")]


def cards(table: Table, task: AnyTask, takes: Takes, chosen: EstimatorEntry) -> None:
    """Draw the cards; choosing one stores it in the draft."""
    found = offered(task, takes)
    families = [family for family in FAMILIES if any(one.family == family for one in found)]
    if len(families) > 1:
        # Twenty cards at once are a wall; the family of the chosen one is where its alternatives are.
        if st.session_state.get("train.family") not in (*families, _ALL):  # another task has other families
            st.session_state["train.family"] = chosen.family
        shown = st.pills(
            "Family",
            [*families, _ALL],
            key="train.family",
            required=True,
            format_func=lambda family: FAMILIES.get(family, "All"),
            label_visibility="collapsed",
        )
        if shown != _ALL:
            found = [one for one in found if one.family == shown]
    with st.grid(3, min_column_width=270):
        for one in found:
            _card(table, one, chosen)
    if chosen not in found:
        st.caption(f"Chosen: **{messages.plain(chosen.title)}**, of {FAMILIES.get(chosen.family, 'another family')}.")


def _card(table: Table, one: EstimatorEntry, chosen: EstimatorEntry) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        mark = " :blue-badge[:material/check: chosen]" if one is chosen else ""
        st.markdown(f"**{messages.plain(one.title)}**{mark}")
        st.caption(f"{one.summary} {one.strengths}")
        st.caption(f":material/schedule: {one.cost}")
        if one is not chosen:
            st.space("stretch")
            if st.button("Choose", key=f"train.choose.{one.name}"):
                _choose(table, one)
                st.rerun()


def _choose(table: Table, one: EstimatorEntry) -> None:
    with drafts.editing(table) as draft:
        search = draft.search
        if search is not None:  # the ranges were those of another estimator's parameters
            search = search.model_copy(update={"space": {}})
        drafts.update(table, estimator=EstimatorSpec(name=one.name), name=None, search=search)


def parameters(table: Table, draft: drafts.Draft, chosen: EstimatorEntry, task: AnyTask) -> None:
    """Draw a widget for each parameter of the chosen estimator, and the formula of what it computes."""
    st.subheader(f"Parameters of {chosen.title.lower()}", anchor=False)
    if chosen.formula:
        with st.expander("What it computes", icon=":material/function:"):
            formulas_view.formula(chosen.formula)
    offered = chosen.parameters_for(task)
    if not offered:
        st.caption("It has none.")
        return
    try:
        values = check_params(chosen, draft.estimator.params)
    except WorkbenchError as problem:  # from a notebook or an older version
        messages.error(problem)
        values = check_params(chosen, {})
    with st.grid(2, min_column_width=220):
        for parameter in offered:
            with st.container():
                forms.parameter(
                    parameter,
                    values[parameter.name],
                    partial(_save, table, chosen, parameter.name),
                    estimator=chosen.name,
                )


def _save(table: Table, chosen: EstimatorEntry, name: str, value: Any) -> None:
    defaults = {parameter.name: parameter.default for parameter in chosen.parameters}
    with drafts.editing(table) as draft:
        params = {**draft.estimator.params, name: value}
        kept = {key: entry for key, entry in params.items() if key in defaults and entry != defaults[key]}
        drafts.update(table, estimator=EstimatorSpec(name=chosen.name, params=kept))
