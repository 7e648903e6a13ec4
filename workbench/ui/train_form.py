"""The form of the Train page: what to train, how, whether to search for better parameters, and the start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import RecipeError, WorkbenchError
from workbench.estimators.image_forms import entry_taking
from workbench.estimators.spec import EstimatorSpec
from workbench.ui import (
    checks,
    drafts,
    estimator_cards,
    forms,
    formulas_view,
    messages,
    search_form,
    state,
    training_options,
)

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.estimators.entry import EstimatorEntry, Takes
    from workbench.training.search_spec import SearchSpec
    from workbench.ui.drafts import Draft


def _save_search(table: Table, drawn: SearchSpec | None, search: SearchSpec | None) -> None:
    """Store a changed search; what another browser changed since it was drawn stays."""
    with drafts.editing(table) as draft:
        if drawn is not None and search is not None and draft.search is not None:
            names = [name for name in type(search).model_fields if getattr(search, name) != getattr(drawn, name)]
            search = draft.search.model_copy(update={name: getattr(search, name) for name in names})
        drafts.update(table, search=search)


def draw(table: Table, draft: Draft) -> None:
    """Draw the whole form; starting opens the run."""
    with messages.shown(stop=True):
        task = checks.task_of(table, draft)
        takes = takes_of(table)
        chosen = entry_taking(takes, draft.estimator.name)
    usable = estimator_cards.offered(task, takes)
    if chosen not in usable:
        start = "small_convnet" if takes == "image" else _START.get(task, "")
        chosen = next((one for one in usable if one.name == start), usable[-1])
        draft = drafts.update(table, estimator=EstimatorSpec(name=chosen.name))
    searched = task if chosen.takes != "runs" and task in ("classification", "regression") else None
    if draft.search is not None and searched is None:
        draft = drafts.update(table, search=None)
    forms.show_problem()
    st.subheader("What to train", anchor=False)
    estimator_cards.cards(table, task, takes, chosen)
    # Said here, where it was caused: the button that it locks is a long form below.
    problem = _problem(table, draft, chosen)
    left, right = st.columns([3, 2], gap="large")
    with left:
        estimator_cards.parameters(table, draft, chosen, task)
        if searched is not None:
            st.subheader("Search", anchor=False, help="Lets the machine try parameters and keeps the best.")
            search_form.draw(
                draft.search,
                chosen,
                task=searched,
                save=partial(_save_search, table, draft.search),
                spec=draft.spec,
                fixed=draft.estimator.params,
                key="train.search",
            )
    with right:
        training_options.draw(table, draft, chosen, task)
    _start(table, searches=draft.search is not None, locked=problem is not None)
    formulas_view.choices(draft, chosen, task)


_START = {"classification": "hist_gradient_boosting", "regression": "hist_gradient_boosting", "clustering": "kmeans"}


def takes_of(table: Table) -> Takes:
    """Say what an estimator would learn from: the columns, or the images, of a table."""
    return "image" if any(column.kind == "image" for column in table.columns) else "table"


def _problem(table: Table, draft: Draft, chosen: EstimatorEntry) -> WorkbenchError | None:
    """Say what would make the run fail, with the remedy where it is one click."""
    problem = checks.problem(table, draft, chosen)
    if problem is not None:
        messages.error(problem)
        if isinstance(problem, RecipeError):
            checks.offer_suggestion(table, draft, key="train.use_suggested")
    return problem


def _start(table: Table, *, searches: bool, locked: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Start search" if searches else "Start training",
            type="primary",
            key="train.start",
            icon=":material/play_arrow:",
            disabled=locked,
            help="First mend what is said under the estimators." if locked else None,
            on_click=_begin,
            args=(table,),
        )
        _about()


def _begin(table: Table) -> None:
    """Start a run before the page is drawn: it then shows the run at once, and not this form once more."""
    from workbench.training.starting import start

    about = {name: st.session_state.get(f"train.{name}") for name in ("note", "tags", "priority")}
    try:
        started = drafts.load(table)
        run = start(started.spec(), **{name: value for name, value in about.items() if value})
        if started.search is not None and started.search.method == "everything":
            drafts.update(table, search=None)  # asked for by a button, once: the next visit starts without it
    except WorkbenchError as problem:
        st.session_state[forms.PROBLEM] = str(problem)
        return
    for name in ("train.note", "train.tags"):
        st.session_state.pop(name, None)
    state.show(run=run.id)


def _about() -> None:
    """Ask for what is kept about the run beside its RunSpec."""
    with st.popover("Note and tags", icon=":material/sell:", key="train.about", type="tertiary"):
        st.text_area("note", key="train.note", help="What you try with this run; shown in the list of runs.")
        st.multiselect(
            "tags",
            [],
            accept_new_options=True,
            key="train.tags",
            help="Words to find this run by, for example the name of an experiment.",
        )
        st.number_input(
            "priority",
            -100,
            100,
            0,
            key="train.priority",
            help="Of runs that wait for a free place the highest priority goes first.",
        )
