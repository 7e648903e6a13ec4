"""How rows are divided: the controls, and the split as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from workbench import plots
from workbench.data.spec import SplitSpec
from workbench.errors import SpecError, WorkbenchError
from workbench.ui import checks, drafts, messages
from workbench.ui.forms import bound
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.ui.drafts import Draft

_BY = {"random": "At random", "group": "By group", "time": "By time"}


def draw(table: Table, draft: Draft) -> None:
    """Draw the controls beside the picture."""
    st.subheader("Split", anchor=False)
    controls, picture_side = st.columns([2, 3], gap="large")
    with controls:
        _controls(table, draft)
    with picture_side:
        _picture(table, draft)


def _controls(table: Table, draft: Draft) -> None:
    split = draft.split

    def save(**parts: Any) -> None:
        changed = {**drafts.load(table).split.model_dump(), **parts}
        if changed["by"] != "random" and not changed["column"]:
            changed["column"] = _columns(table, draft)[0]
        try:
            drafts.update(table, split=SplitSpec.model_validate(changed))
        except ValueError as problem:
            if isinstance(problem, WorkbenchError):
                raise
            raise SpecError(
                f"Got {changed['test']:.0%} for test and {changed['validation']:.0%} for validation, "
                "needed at least 5 % left to train on. Lower one of them."
            ) from None

    left, right = st.columns(2)
    left.slider(
        "Test",
        0,
        90,
        format="%d %%",
        help="Rows that only the last measurement sees; more makes it surer and leaves less to learn from.",
        **bound("prepare.test", round(split.test * 100), lambda share: save(test=share / 100)),
    )
    right.slider(
        "Validation",
        0,
        90,
        format="%d %%",
        help="Rows that choose when to stop and which parameters; more makes the choice surer.",
        **bound("prepare.validation", round(split.validation * 100), lambda share: save(validation=share / 100)),
    )
    st.segmented_control(
        "Divide",
        list(_BY),
        format_func=lambda by: _BY[by],
        required=True,
        help="By group keeps all rows of one customer or patient together; by time tests on the latest rows.",
        **bound("prepare.by", split.by, lambda by: save(by=by)),
    )
    if split.by != "random":
        st.selectbox(
            "Group column" if split.by == "group" else "Time column",
            _columns(table, draft),
            **bound("prepare.split_column", split.column, lambda name: save(column=name)),
        )
    elif (draft.task or table.suggested_task(draft.target)) == "classification":
        st.toggle(
            "Stratify",
            help="Keeps the shares of the classes equal in all three parts.",
            **bound("prepare.stratify", split.stratify, lambda on: save(stratify=on)),
        )
    st.number_input(
        "Seed",
        0,
        2**32 - 1,
        help="Which rows go where; the same seed gives the same split.",
        **bound("prepare.seed", draft.seed, lambda seed: drafts.update(table, seed=seed)),
    )


def _columns(table: Table, draft: Draft) -> list[str]:
    return [column.name for column in table.columns if column.name != draft.target]


def _picture(table: Table, draft: Draft) -> None:
    try:
        frame, split = checks.rows_and_split(table, draft)
    except WorkbenchError as problem:
        messages.error(problem)
        return
    counts = {name: len(rows) for name, rows in split.parts().items()}
    spec = draft.split
    how = "at random" if spec.by == "random" else f"by {spec.by} ({spec.column})"
    if spec.by == "random" and spec.stratify and (draft.task or table.suggested_task(draft.target)) == "classification":
        how += f", stratified by {draft.target}"
    total = max(frame.height, 1)
    numbers = pl.DataFrame(
        {"part": list(counts), "rows": list(counts.values()), "share": [n / total for n in counts.values()]}
    )
    picture(plots.split_picture(counts, how=how), key="prepare.split", numbers=numbers)
    if frame.height < table.n_rows:
        st.caption(f"The row steps drop {table.n_rows - frame.height:,} of {table.n_rows:,} rows before the split.")
