"""Can this draft be trained? Asked before the start, with the same checks that the worker makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import streamlit as st

from workbench.data import Split, fold_frame
from workbench.data.spec import AnyTask
from workbench.errors import WorkbenchError
from workbench.recipe import check_recipe, find_rows, prepared
from workbench.recipe.made_target import making_steps, task_for
from workbench.settings import current
from workbench.training.dividing import divide_rows
from workbench.training.image_preparing import divide_images, takes_images
from workbench.training.members import open_members
from workbench.training.preparing import check_classes
from workbench.training.split_steps import without_part_column
from workbench.ui import drafts, messages, recipe_finish, state

if TYPE_CHECKING:
    from workbench.data import Table
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
    numbers : DataFrame
        One row a part: its rows, and what the target is like in it.
    how : str
        In words.
    n_rows : int
        What the row steps leave of the table, or of the sample.
    n_sample : int
        Rows of the sample that was divided; 0 for the whole table.
    folds : DataFrame, optional
        As `plots.folds_picture` draws them.
    """

    counts: dict[str, int]
    numbers: pl.DataFrame
    how: str
    n_rows: int
    n_sample: int
    folds: pl.DataFrame | None = None


def task_of(table: Table, draft: Draft) -> AnyTask:
    """Give the task that is chosen, or suits the target."""
    return draft.task or task_for(table, draft.recipe, draft.target_name)


def problem(table: Table, draft: Draft, chosen: EstimatorEntry) -> WorkbenchError | None:
    """Give what would make the run fail, or None."""
    try:
        spec = draft.spec()
        steps = without_part_column(spec.recipe, spec.split)
        check_recipe(steps, table.columns, spec.data.target, handles_missing=chosen.handles_missing, takes=chosen.takes)
        divide(table, draft)
        if chosen.takes == "runs":
            open_members(spec.estimator.params.get("runs", ()), spec, current())
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
    if not spec.data.target:
        return _divide_without_target(table, spec)
    sampled = table.n_rows > EXACT_ROWS
    given = _n_given(table, spec) if spec.data.test_source else 0
    eased: dict[str, Any] = {"test": 0.0} if given else {}
    if sampled:  # a class that is rare in the table may be missing from a sample
        eased["stratify"] = False
    rows, split = _sample_of(table) if sampled else table, spec.split.model_copy(update=eased)
    task = spec.data.supervised_task or task_for(table, spec.recipe, spec.data.target)
    if takes_images(spec, table) is not None:
        found, _ = divide_images(spec.model_copy(update={"split": split}), rows, task)
    else:
        found = divide_rows(rows, spec.recipe, split, target=spec.data.target, task=task, seed=spec.seed)
    if not sampled:
        check_classes(found.decided[found.target][found.split.train], found.target, found.task)
    counts = {name: len(positions) for name, positions in found.split.parts().items()}
    folds = None
    if found.spec.folds:
        folds = fold_frame([_with_test(fold, given) for fold in found.folds()], by=found.spec.by)
    return Divided(
        counts={**counts, "test": counts["test"] + given},
        numbers=found.frame(),
        how=found.how,
        n_rows=found.decided.height,
        n_sample=SAMPLE_ROWS if sampled else 0,
        folds=folds,
    )


def _n_given(table: Table, spec: RunSpec) -> int:
    """Count the rows of the test table that the row steps leave, behind those of this one as in a run."""
    other = state.load_table(str(spec.data.test_source))
    if max(table.n_rows, other.n_rows) > EXACT_ROWS:
        return other.n_rows
    try:
        names = [column.name for column in table.columns]
        rows = pl.concat([table.frame(), other.frame().select(names)], how="vertical_relaxed")
        return int((find_rows(rows, spec.recipe) >= table.n_rows).sum())
    except (WorkbenchError, pl.exceptions.PolarsError):  # columns that differ are told where the table is chosen
        return other.n_rows


def _divide_without_target(table: Table, spec: RunSpec) -> Divided:
    from workbench.training.unsupervised import prepare_without_target

    sampled = table.n_rows > EXACT_ROWS
    found = prepare_without_target(spec, _sample_of(table) if sampled else table, current())
    counts = {name: len(rows) for name, rows in found.split.parts().items()}
    total = max(1, sum(counts.values()))
    numbers = [{"part": name, "n_rows": n, "share": n / total} for name, n in counts.items() if n]
    return Divided(
        counts=counts,
        numbers=pl.DataFrame(numbers),
        how="at random" if spec.split.by == "random" else f"by {spec.split.by} ({spec.split.column})",
        n_rows=len(found.positions),
        n_sample=SAMPLE_ROWS if sampled else 0,
    )


def _sample_of(table: Table) -> Table:
    from workbench.data import Table

    rows = table.sampled(SAMPLE_ROWS)[0]
    return Table(
        digest=table.digest,
        name=table.name,
        target=table.target,
        origin=table.origin,
        columns=table.columns,
        n_rows=rows.height,
        frame=rows,
    )


def _with_test(fold: Split, n_given: int) -> Split:
    return Split(fold.train, fold.validation, np.arange(n_given)) if n_given else fold


def differing_labels(table: Table, draft: Draft, other: Table) -> dict[str, str]:
    """Give the labels of a test table that differ from this one's in spaces, case or a full stop only."""
    from workbench.data.pairs import label_differences

    if task_of(table, draft) != "classification":
        return {}
    target = str(draft.target)
    steps = making_steps(draft.recipe, target)
    labels = [prepared(each, steps, columns=[target], target=target)[target].unique() for each in (table, other)]
    return label_differences(*labels)


def offer_suggestion(table: Table, draft: Draft, *, key: str) -> None:
    """Draw the button that replaces the recipe with the suggested one, where there is one."""
    try:
        suggested = recipe_finish.suggestion(table, draft)
    except WorkbenchError:
        return
    if not suggested.steps or suggested.steps == draft.recipe:
        return
    help_text = "\n".join(f"- {messages.plain(reason)}" for reason in suggested.reasons)
    if st.button("Use the suggested recipe", key=key, icon=":material/auto_fix_high:", help=help_text):
        drafts.update(table, recipe=suggested.steps)
        st.rerun()
