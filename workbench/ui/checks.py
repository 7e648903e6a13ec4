"""Can this draft be trained? Asked before the start, with the same checks that the worker makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from workbench.api.preparing import suggest_recipe
from workbench.data import check_target, split_rows
from workbench.errors import WorkbenchError
from workbench.recipe import apply_row_steps, check_recipe
from workbench.ui import drafts, messages

if TYPE_CHECKING:
    import polars as pl

    from workbench.data import Split, Table
    from workbench.estimators.catalogue import EstimatorEntry
    from workbench.ui.drafts import Draft


def problem(table: Table, draft: Draft, chosen: EstimatorEntry) -> WorkbenchError | None:
    """Give what would make the run fail, or None."""
    try:
        spec = draft.spec()
        target = spec.data.target
        task = spec.data.task or table.suggested_task(target)
        check_target(table.frame(), target, task, allow_missing=True)
        check_recipe(spec.recipe, table.columns, target, handles_missing=chosen.handles_missing)
        rows_and_split(table, draft)
    except WorkbenchError as found:
        return found
    return None


def rows_and_split(table: Table, draft: Draft) -> tuple[pl.DataFrame, Split]:
    """Apply the row steps and divide what they leave, as the worker will.

    Raises
    ------
    WorkbenchError
        If the target, the row steps or the split don't fit the rows.
    """
    spec = draft.spec()
    target = spec.data.target
    task = spec.data.task or table.suggested_task(target)
    frame = apply_row_steps(table.frame(), spec.recipe)
    check_target(frame, target, task)
    return frame, split_rows(frame, spec.split, target=target, task=task, seed=spec.seed)


def offer_suggestion(table: Table, draft: Draft, *, key: str) -> None:
    """Draw the button that replaces the recipe with the suggested one, where there is one."""
    try:
        suggested = suggest_recipe(table, target=draft.target, estimator=draft.estimator.name)
    except WorkbenchError:
        return
    if not suggested.steps or suggested.steps == draft.recipe:
        return
    help_text = "\n".join(f"- {messages.plain(reason)}" for reason in suggested.reasons)
    if st.button("Use the suggested recipe", key=key, icon=":material/auto_fix_high:", help=help_text):
        drafts.update(table, recipe=suggested.steps)
        st.rerun()
