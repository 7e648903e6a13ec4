"""How rows are divided: the controls, each with what it means, and the split as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench import plots
from workbench.data.spec import SplitSpec
from workbench.errors import SpecError, WorkbenchError
from workbench.recipe.matching import type_of
from workbench.ui import checks, drafts, forms, messages, split_test_file, state, words
from workbench.ui.forms import bound
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.table import Column
    from workbench.ui.drafts import Draft

_BY = {"random": "At random", "group": "By group", "time": "By time", "column": "By column"}
_MEANING = {
    "random": "Every row is equally likely to be in each part. Right when rows have nothing to do with each other.",
    "group": "All rows of one value stay together, so that no customer or patient is in both training and test.",
    "time": "The latest rows are the test rows, those before them validate: as the model will be used, on what comes.",
    "column": "A column says it: train, validation and test (or training, val, holdout), in any case.",
}
_COLUMN_LABEL = {"group": "Group column", "time": "Time column", "column": "Part column"}
_DEFAULT_FOLDS = 5


def draw(table: Table, draft: Draft, working: Draft) -> None:
    """Draw the controls beside the picture; of the `working` draft, whose steps all can be applied."""
    st.subheader("Split", anchor=False, help="Which rows train, which choose, and which only judge at the very end.")
    controls, picture_side = st.columns([2, 3], gap="large")
    with controls:
        forms.show_problem()
        _by(table, draft)
        _test(table, draft)
        _validation(table, draft)
        st.number_input(
            "Seed",
            0,
            2**32 - 1,
            help="Which rows go where; the same seed gives the same split. It also seeds the training.",
            **bound("prepare.seed", draft.seed, lambda seed: drafts.update(table, seed=seed)),
        )
    with picture_side:
        _picture(table, working)


def _save(table: Table, **parts: Any) -> None:
    changed: dict[str, Any] = {}
    try:
        with drafts.editing(table) as draft:
            changed = {**draft.split.model_dump(), **parts}
            if changed["by"] == "column":  # its words are the parts
                changed["folds"] = None
            if changed["by"] != "random" and (not changed["column"] or "by" in parts):
                changed["column"] = _columns(table, draft, changed["by"])[0]
            drafts.update(table, split=SplitSpec.model_validate(changed))
    except ValueError as problem:
        if isinstance(problem, WorkbenchError):
            raise
        raise SpecError(
            f"Got {changed['test']:.0%} for test and {changed['validation']:.0%} for validation, "
            "needed at least 5 % left to train on. Lower one of them."
        ) from None


def _by(table: Table, draft: Draft) -> None:
    split = draft.split
    st.segmented_control(
        "Divide",
        list(_BY),
        format_func=_BY.__getitem__,
        required=True,
        wrap=True,
        **bound("prepare.by", split.by, lambda by: _save(table, by=by)),
    )
    st.caption(_MEANING[split.by])
    if split.by != "random":
        names = _columns(table, draft, split.by)
        options = names if split.column in names else [*names, split.column]
        st.selectbox(
            _COLUMN_LABEL[split.by],
            options,
            **bound("prepare.split_column", split.column, lambda name: _save(table, column=name)),
        )
    elif checks.task_of(table, draft) == "classification":
        st.toggle(
            "Stratify",
            help="Keeps the shares of the classes equal in all parts, so that a rare class is missing from none.",
            **bound("prepare.stratify", split.stratify, lambda on: _save(table, stratify=on)),
        )


def _test(table: Table, draft: Draft) -> None:
    if draft.split.by != "column":
        split_test_file.draw(table, draft)
        if not draft.test_source:
            st.slider(
                "Test",
                0,
                90,
                format="%d %%",
                help="Rows that only the last measurement sees; more makes it surer and leaves less to learn from.",
                **bound("prepare.test", round(draft.split.test * 100), lambda share: _save(table, test=share / 100)),
            )


def _validation(table: Table, draft: Draft) -> None:
    split = draft.split
    if split.by == "column":
        return
    st.toggle(
        "Cross-validate",
        help="Train the same model once for each fold, on all the other folds, and measure it on that one: the scores' "
        "mean and spread are surer than one validation part. It takes that many times as long.",
        **bound(
            "prepare.cross_validate",
            split.folds is not None,
            lambda on: _save(table, folds=_DEFAULT_FOLDS if on else None),
        ),
    )
    if split.folds is not None:
        st.number_input(
            "Folds",
            2,
            20,
            help="Parts that the rows that aren't test rows are divided into; more leave more rows to train on.",
            **bound("prepare.folds", split.folds, lambda folds: _save(table, folds=folds)),
        )
        return
    st.slider(
        "Validation",
        0,
        90,
        format="%d %%",
        help="Rows that choose when to stop and which parameters; more makes the choice surer.",
        **bound(
            "prepare.validation", round(split.validation * 100), lambda share: _save(table, validation=share / 100)
        ),
    )


def _columns(table: Table, draft: Draft, by: str) -> list[str]:
    """List the columns that can divide the rows, those that usually do first."""
    columns = [column for column in table.columns if column.name != draft.target]
    return [column.name for column in sorted(columns, key=lambda column: not _usual(column, by))]


def _usual(column: Column, by: str) -> bool:
    if by == "time":
        return type_of(column) == "datetime"
    if by == "group":
        return column.kind in ("identifier", "category") and column.n_unique > 20
    return column.kind == "category" and column.n_unique <= 4


def _picture(table: Table, draft: Draft) -> None:
    try:
        divided = checks.divide(table, draft)
    except WorkbenchError as problem:
        messages.error(problem)
        return
    how = divided.how
    if draft.test_source:
        how += f"; test rows from {state.load_table(draft.test_source).name}"
    if divided.folds is not None:
        picture(plots.folds_picture(divided.folds, how=how), key="prepare.folds_picture", numbers=divided.folds)
    else:
        picture(plots.split_picture(divided.counts, how=how), key="prepare.split", numbers=divided.numbers)
    if divided.n_sample:
        st.caption(
            f"Drawn from a random sample of {divided.n_sample:,} of {words.plural(table.n_rows, 'row')}; "
            "a run divides them all."
        )
    elif divided.n_rows < table.n_rows:
        st.caption(f"The row steps drop {table.n_rows - divided.n_rows:,} of {table.n_rows:,} rows before the split.")
