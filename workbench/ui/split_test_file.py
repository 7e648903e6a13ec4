"""Test rows from a table of their own: chosen or uploaded, and compared with this one before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.recipe.spec import CleanOperation, CleanText
from workbench.settings import current
from workbench.ui import checks, drafts, messages, state, uploads, words
from workbench.ui.forms import bound

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.ui.drafts import Draft

_HERE, _OTHER = "From this table", "From another table"
_WAITING = "prepare.test_other"  # "another" was chosen, and none is named yet
_SHOWN_NAMES = 5


def draw(table: Table, draft: Draft) -> None:
    """Draw where the test rows come from, and what doesn't fit."""
    other = bool(draft.test_source) or bool(st.session_state.get(_WAITING))
    st.segmented_control(
        "Test rows",
        [_HERE, _OTHER],
        required=True,
        wrap=True,
        help="Some data sets come as a train file and a test file. All rows of the other table are then test rows.",
        **bound("prepare.test_from", _OTHER if other else _HERE, lambda chosen: _switch(table, chosen == _OTHER)),
    )
    if not other:
        return
    _choose(table, draft)
    if draft.test_source:
        with messages.shown():
            _compare(table, draft, state.load_table(draft.test_source))


def _switch(table: Table, to_other: bool) -> None:
    st.session_state[_WAITING] = to_other
    if not to_other:
        drafts.update(table, test_source=None)


def _choose(table: Table, draft: Draft) -> None:
    labels = _stored(table)
    if draft.test_source:
        labels.setdefault(draft.test_source, draft.test_source)
    if labels:
        st.selectbox(
            "Test table",
            list(labels),
            format_func=lambda source: labels.get(source, source),
            placeholder="Choose a stored table",
            **bound("prepare.test_source", draft.test_source, lambda source: _take(table, source, labels)),
        )
    turn = st.session_state.setdefault("prepare.test_turn", 0)
    file = st.file_uploader(
        "Or upload the test file",
        type=uploads.ENDINGS,
        key=f"prepare.test_upload.{turn}",
        max_upload_size=current().max_upload_mib,
    )
    if file is not None:
        st.session_state["prepare.test_turn"] = turn + 1  # a new widget, so that the bytes leave the memory
        with messages.shown():
            with st.spinner(f"Reading {file.name} …"):
                read = uploads.read_upload(file, file.name, before=table)
            drafts.update(table, test_source=read.source)
            st.rerun()


def _take(table: Table, source: str | None, labels: Mapping[str, str]) -> None:
    # A RunSpec takes a path or a connection here, too; a page only a table that is stored.
    drafts.update(table, test_source=source if source in labels else None)


def _stored(table: Table) -> dict[str, str]:
    from workbench.data import tables

    try:
        found = tables()
    except WorkbenchError:
        return {}
    return words.distinct(
        [
            (info.short_digest, f"{info.name} · {words.plural(info.n_rows, 'row')}")
            for info in found
            if info.digest != table.digest and not info.origin.get("sample")
        ]
    )


def _compare(table: Table, draft: Draft, other: Table) -> None:
    there = {column.name for column in other.columns}
    missing = [column.name for column in table.columns if column.name not in there]
    if missing:
        named = ", ".join(repr(name) for name in missing[:_SHOWN_NAMES])
        more = f" and {len(missing) - _SHOWN_NAMES} more" if len(missing) > _SHOWN_NAMES else ""
        messages.error(
            f"Got the test table {other.name!r} without {named}{more}, needed the columns of {table.name!r}. "
            "Choose another table, or one whose columns have the same names."
        )
        return
    st.caption(f"All {words.plural(other.n_rows, 'row')} of {messages.plain(other.name)} are test rows.")
    for misfit in dict(other.origin.get("reader") or {}).get("misfits") or []:
        st.caption(f":material/warning: {messages.plain(misfit)}")
    differences = checks.differing_labels(table, draft, other)
    if differences:
        shown = ", ".join(f"{theirs!r} for {ours!r}" for theirs, ours in list(differences.items())[:3])
        messages.error(
            f"Got test labels written otherwise: {shown}; needed the words of this table. "
            "One step brings both to one form."
        )
        st.button(
            "Mend the labels",
            key="prepare.mend_labels",
            icon=":material/build:",
            on_click=_mend,
            args=(table, differences),
            help=f"Adds the step clean_text on {draft.target}: spaces at the ends and a full stop go.",
        )


def _mend(table: Table, differences: Mapping[str, str]) -> None:
    with drafts.editing(table) as draft:
        operations: tuple[CleanOperation, ...] = ("strip", "strip_full_stop")
        if any(theirs.strip(" .") != ours.strip(" .") for theirs, ours in differences.items()):
            operations = (*operations, "lower_case")
        step = CleanText(columns=(str(draft.target),), operations=operations)
        drafts.update(table, recipe=(step, *draft.recipe))
