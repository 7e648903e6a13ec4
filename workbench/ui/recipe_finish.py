"""What a recipe still lacks before it can be trained, and the steps that would finish it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.estimators.image_forms import entry_taking
from workbench.recipe import check_recipe
from workbench.recipe.checking_images import image_columns
from workbench.recipe.made_target import making_steps
from workbench.recipe.matching import names_in, without_columns
from workbench.recipe.spec import columns_of
from workbench.ui import messages
from workbench.ui.recipe_changes import place_for, set_steps

if TYPE_CHECKING:
    from workbench.api.preparing import SuggestedRecipe
    from workbench.data import Table
    from workbench.ui.drafts import Draft


def draw(table: Table, draft: Draft) -> None:
    """Say what is still to be done, with the button that does it; nothing for a recipe that is ready."""
    problem = lacking(table, draft)
    if problem is None:
        return
    came, remedy = messages.split_message(str(problem))
    st.caption(f":material/pending: Not ready to train yet. {messages.plain(came)} {messages.plain(remedy)}")
    steps = finished(table, draft)
    if steps != draft.recipe and lacking(table, draft.changed(recipe=steps)) is None:
        st.button(
            "Add the steps that are missing",
            key="prepare.finish",
            icon=":material/auto_fix_high:",
            on_click=set_steps,
            args=(table, steps),
            help="The suggested steps for the columns that no step has taken yet.",
        )


def lacking(table: Table, draft: Draft) -> WorkbenchError | None:
    """Give what the estimator would refuse in a recipe that is otherwise right."""
    try:
        images = image_columns(table.columns, draft.recipe)
        needs = entry_taking("image" if images else "table", draft.estimator.name)
        check_recipe(
            draft.recipe, table.columns, draft.target_name, handles_missing=needs.handles_missing, takes=needs.takes
        )
    except WorkbenchError as problem:
        return problem
    return None


def suggestion(table: Table, draft: Draft) -> SuggestedRecipe:
    """Suggest a recipe for what the draft predicts, with the estimator that it has chosen.

    Raises
    ------
    WorkbenchError
        If the target isn't there, or what makes it doesn't fit the table.
    """
    making = making_steps(draft.recipe, draft.target_name)
    return _suggested(
        f"{table.digest} {draft.target_name} {draft.answer} {draft.estimator.name} {making!r}", table, draft
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def _suggested(key: str, _table: Table, _draft: Draft) -> SuggestedRecipe:
    from workbench.api.preparing import suggest_recipe

    return suggest_recipe(
        _table,
        target=_draft.target_name,
        estimator=_draft.estimator.name,
        recipe=_draft.recipe,
        answer=_draft.answer,
    )


def finished(table: Table, draft: Draft) -> tuple[Any, ...]:
    """Add the suggested steps for the columns that no step has taken yet."""
    try:
        suggested = suggestion(table, draft).steps
    except WorkbenchError:
        return draft.recipe
    taken = {name for step in draft.recipe if step.enabled for name in columns_of(step)}
    steps = list(draft.recipe)
    for step in suggested:
        if step in draft.recipe:
            continue
        rest = without_columns(step, taken) if names_in(step) else None
        if rest is not None:
            steps.insert(place_for(steps, rest.step), rest)
    return tuple(steps)
