"""Can this draft be trained? Asked before the start, with the same checks that the worker makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import streamlit as st

from workbench.api.preparing import suggest_recipe
from workbench.data.spec import Task
from workbench.errors import WorkbenchError
from workbench.recipe import check_recipe, find_rows, prepared
from workbench.training.preparing import check_classes, found_split
from workbench.training.split_steps import keep_columns, without_part_column
from workbench.ui import drafts, messages, state

if TYPE_CHECKING:
    from workbench.data import Split, Table
    from workbench.estimators.catalogue import EstimatorEntry
    from workbench.training.spec import RunSpec
    from workbench.ui.drafts import Draft

EXACT_ROWS = 100_000  # beyond, the split is drawn from a sample: a page must not read gigabytes for a picture
SAMPLE_ROWS = 10_000


@dataclass(frozen=True)
class Divided:
    """The rows of a draft's parts.

    Parameters
    ----------
    counts : dict of str to int
        Rows of train, validation and test.
    n_rows : int
        What the row steps leave of the table, or of the sample.
    n_sample : int
        Rows of the sample that was divided; 0 for the whole table.
    folds : DataFrame, optional
        As `plots.folds_picture` draws them.
    """

    counts: dict[str, int]
    n_rows: int
    n_sample: int
    folds: pl.DataFrame | None

    def numbers(self) -> pl.DataFrame:
        """Give one row a part."""
        total = max(1, sum(self.counts.values()))
        return pl.DataFrame(
            {
                "part": list(self.counts),
                "rows": list(self.counts.values()),
                "share": [n / total for n in self.counts.values()],
            }
        )


def task_of(table: Table, draft: Draft) -> Task:
    """Give the task that is chosen, or suits the target."""
    return draft.task or table.suggested_task(draft.target)


def problem(table: Table, draft: Draft, chosen: EstimatorEntry) -> WorkbenchError | None:
    """Give what would make the run fail, or None."""
    try:
        spec = draft.spec()
        steps = without_part_column(spec.recipe, spec.split)
        check_recipe(steps, table.columns, spec.data.target, handles_missing=chosen.handles_missing)
        divide(table, draft)
    except WorkbenchError as found:
        return found
    return None


def divide(table: Table, draft: Draft) -> Divided:
    """Apply the row steps and divide what they leave, as the worker will; a large table's sample.

    Raises
    ------
    WorkbenchError
        If the target, the row steps or the split don't fit the rows.
    """
    spec = draft.spec()
    found = _divided(f"{table.digest} {spec.data!r} {spec.recipe!r} {spec.split!r} {spec.seed}", table, spec)
    if isinstance(found, WorkbenchError):
        raise found
    return found


@st.cache_resource(max_entries=32, show_spinner=False)
def _divided(key: str, _table: Table, _spec: RunSpec) -> Divided | WorkbenchError:
    try:
        return _divide(_table, _spec)
    except WorkbenchError as problem:
        return problem  # a cache keeps no exceptions, and finding it again would take as long


def _divide(table: Table, spec: RunSpec) -> Divided:
    from workbench.data import check_target, fold_frame, split_folds, split_rows

    target, split_spec = spec.data.target, found_split(spec)
    task = spec.data.task or table.suggested_task(target)
    sampled = table.n_rows > EXACT_ROWS
    rows = table.sampled(SAMPLE_ROWS)[0] if sampled else table.frame()
    names = list(dict.fromkeys([target, *([str(split_spec.column)] if split_spec.by != "random" else [])]))
    if not sampled:
        check_target(rows, target, task, allow_missing=True)
    decided = prepared(rows, keep_columns(spec.recipe, names), columns=names, target=target)
    decided = decided[find_rows(rows, spec.recipe)]
    if sampled:  # a class that is rare in the table may be missing from a sample
        split_spec = split_spec.model_copy(update={"stratify": False})
    else:
        check_target(decided, target, task)
    given = state.load_table(spec.data.test_source).n_rows if spec.data.test_source else 0
    if given:
        split_spec = split_spec.model_copy(update={"test": 0.0})
    parts = split_rows(decided, split_spec, target=target, task=task, seed=spec.seed)
    if not sampled:
        check_classes(decided[target][parts.train], target, task)
    counts = {name: len(positions) for name, positions in parts.parts().items()}
    folds = None
    if split_spec.folds:
        found = split_folds(decided, split_spec, parts, target=target, task=task, seed=spec.seed)
        folds = fold_frame([_with_test(fold, given) for fold in found], by=split_spec.by)
    return Divided(
        counts={**counts, "test": counts["test"] + given},
        n_rows=decided.height,
        n_sample=SAMPLE_ROWS if sampled else 0,
        folds=folds,
    )


def _with_test(fold: Split, n_given: int) -> Split:
    from workbench.data import Split

    return Split(fold.train, fold.validation, np.arange(n_given)) if n_given else fold


def differing_labels(table: Table, draft: Draft, other: Table) -> dict[str, str]:
    """Give the labels of a test table that differ from this one's in spaces, case or a full stop only."""
    from workbench.data.pairs import label_differences

    if task_of(table, draft) != "classification":
        return {}
    target = str(draft.target)
    steps = [step for step in draft.recipe if target in (getattr(step, "columns", None) or ())]
    labels = [prepared(each, steps, columns=[target], target=target)[target].unique() for each in (table, other)]
    return label_differences(*labels)


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
