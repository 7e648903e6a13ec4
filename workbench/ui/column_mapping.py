"""Which columns of a file a model's columns are, where their names don't tell."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from workbench.ui import messages, words

MOST_COLUMNS = 40
_EMPTY = "not in the file: leave it empty"


@dataclass(frozen=True)
class Mapping:
    """What was chosen.

    Parameters
    ----------
    names : tuple of (str, str)
        Columns of the file, and the model's that they are.
    empty : tuple of str
        Columns of the model that the file doesn't have: missing in each row.
    """

    names: tuple[tuple[str, str], ...] = ()
    empty: tuple[str, ...] = ()


def chosen(key: str) -> Mapping:
    """Give what was chosen for these rows so far."""
    found = st.session_state.get(f"predict.columns.{key}")
    return found if isinstance(found, Mapping) else Mapping()


def draw(key: str, missing: Sequence[str], columns: Sequence[str]) -> None:
    """Ask which columns the missing ones are.

    Parameters
    ----------
    key : str
        Of these rows.
    missing : sequence of str
        Columns of the model that weren't found.
    columns : sequence of str
        Columns of the rows that are free to be one of them.
    """
    st.warning(
        f"The model's {'column' if len(missing) == 1 else 'columns'} {_listed(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} not among the columns of these rows. Say below which they are.",
        title=f"{words.plural(len(missing), 'column')} not found",
        icon=":material/rule:",
    )
    with st.form(f"predict.columns_form.{key}", border=True):
        picked: dict[str, str | None] = {}
        with st.grid(3, min_column_width=200):
            for name in missing:
                near = difflib.get_close_matches(name.casefold(), [column.casefold() for column in columns], n=1)
                place = next((n for n, column in enumerate(columns) if near and column.casefold() == near[0]), None)
                picked[name] = st.selectbox(
                    messages.plain(name),
                    [*columns, _EMPTY],
                    index=place,
                    key=f"predict.column.{key}.{name}",
                    placeholder="Choose a column",
                    help=f"Which column of these rows is {messages.plain(name)}.",
                )
        if st.form_submit_button("Predict", icon=":material/check:", type="primary"):
            _take(key, picked)


def _take(key: str, picked: dict[str, str | None]) -> None:
    open_ = [name for name, column in picked.items() if column is None]
    named = {name: column for name, column in picked.items() if column is not None and column != _EMPTY}
    taken = list(named.values())
    repeated = next((column for column in taken if taken.count(column) > 1), None)
    if open_:
        st.caption(f":material/info: Choose a column for {_listed(open_)}, or leave it empty.")
    elif repeated is not None:
        st.caption(f":material/info: {messages.plain(repeated)} is chosen twice. Choose it once.")
    else:
        before = chosen(key)
        names = tuple((column, name) for name, column in named.items())
        empty = tuple(name for name, column in picked.items() if column == _EMPTY)
        st.session_state[f"predict.columns.{key}"] = Mapping((*before.names, *names), (*before.empty, *empty))
        st.rerun()


def say(key: str) -> None:
    """Say what was chosen, with a way back."""
    found = chosen(key)
    if found == Mapping():
        return
    said = [f"`{theirs}` is `{ours}`" for theirs, ours in found.names]
    said += [f"`{name}` is empty in each row" for name in found.empty]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/rule: {'; '.join(said)}.", width="content")
        if st.button("Change", key=f"predict.columns_change.{key}", type="tertiary", icon=":material/edit:"):
            del st.session_state[f"predict.columns.{key}"]
            st.rerun()


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")
