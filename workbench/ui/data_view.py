"""A table looked at: what was recognised, its rows, its columns with a picture each, and the findings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench import plots
from workbench.ui import messages, words
from workbench.ui.picture import picture

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.data import Column, Profile, Table

SHOWN_ROWS = 1_000
COLUMNS_A_PAGE = 12
N_BARS = 5
_NOTHING: tuple[Any, ...] = (None, [], {}, "")


def draw(table: Table) -> None:
    """Draw the facts and the tabs."""
    profile = table.profile()
    _facts(table, profile)
    findings = f"Findings ({len(profile.findings)})"
    rows, columns, checks = st.tabs(["Table", "Columns", findings], key="data.tabs", on_change="rerun")
    if rows.open:
        with rows:
            _rows(table)
    if columns.open:
        with columns:
            _columns(table, profile)
    if checks.open:
        with checks:
            _findings(profile)


def _facts(table: Table, profile: Profile) -> None:
    n_missing = sum(column.n_missing for column in table.columns)
    share = n_missing / max(table.n_rows * table.n_columns, 1)
    with st.grid(4, min_column_width=150):
        st.metric("Rows", f"{table.n_rows:,}", border=True)
        st.metric("Columns", f"{table.n_columns:,}", border=True)
        st.metric("Missing cells", f"{share:.1%}", border=True, help=f"{n_missing:,} cells have no value.")
        st.metric(
            "Duplicate rows",
            f"{profile.n_duplicates:,}",
            border=True,
            help="Rows equal to an earlier one in every column.",
        )
    reader = dict(table.origin.get("reader") or {})
    notes = reader.pop("notes", [])
    reader.pop("missing", None)  # the notes say it in words
    described = [f"{key.replace('_', ' ')} {_value(value)}" for key, value in reader.items() if value not in _NOTHING]
    described += [messages.plain(note).rstrip(".") for note in notes]
    if described:
        st.caption(f":material/fact_check: Recognised: {' · '.join(described)}")


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return messages.plain(", ".join(map(str, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if len(str(value)) < 4 else messages.plain(value)


def _rows(table: Table) -> None:
    shown = min(SHOWN_ROWS, table.n_rows)
    st.caption(f"{shown:,} of {words.plural(table.n_rows, 'row')}, in the order of the file.")
    st.dataframe(table.head(SHOWN_ROWS), key="data.rows", height=460, alt=f"The first {shown} rows of {table.name}")


def _columns(table: Table, profile: Profile) -> None:
    n_pages = math.ceil(table.n_columns / COLUMNS_A_PAGE)
    number = st.pagination(n_pages, key="data.columns_page") if n_pages > 1 else 1
    first = (number - 1) * COLUMNS_A_PAGE
    with st.grid(3, min_column_width=290):
        for position, column in enumerate(table.columns[first : first + COLUMNS_A_PAGE], start=first):
            _column_card(table, column, profile, position)
    with st.expander(
        "All columns as numbers", icon=":material/table:", key="data.profile", on_change="rerun"
    ) as numbers:
        if numbers.open:
            frame = profile.frame()
            st.dataframe(frame, hide_index=True, alt="Profile: one row for each column")
            st.download_button(
                "CSV",
                lambda: frame.write_csv(),
                f"{table.name}-profile.csv",
                "text/csv",
                key="data.profile_csv",
                on_click="ignore",
            )


def _column_card(table: Table, column: Column, profile: Profile, position: int) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        mark = " :blue-badge[target]" if column.name == table.target else ""
        st.markdown(f"{words.KIND_ICONS[column.kind]} **{messages.plain(column.name)}**{mark}")
        missing = f"{column.n_missing / max(table.n_rows, 1):.1%} missing" if column.n_missing else "none missing"
        is_bars = column.name in profile.histograms and "value" in profile.histograms[column.name].columns
        most = f" · the {N_BARS} most frequent drawn" if is_bars and column.n_unique > N_BARS else ""
        st.caption(f"{column.kind} · {words.plural(column.n_unique, 'value')} · {missing}{most}")
        figure = _figure(column, profile)
        if figure is not None:
            figure.update_layout(title=None, height=150, margin={"t": 6, "b": 24, "l": 6, "r": 6})
            figure.update_xaxes(title=None)
            if is_bars:
                figure.update_traces(textangle=0)
            figure.update_yaxes(title=None)
            numbers = profile.histograms[column.name]
            picture(figure, key=f"data.column.{position}", numbers=numbers, name=f"{table.name}-{column.name}")


def _figure(column: Column, profile: Profile) -> go.Figure | None:
    counts = profile.histograms.get(column.name)
    if counts is None or counts.is_empty():
        return None
    if "left" in counts.columns:
        return plots.histogram(counts, column=column.name, title=False)
    return plots.category_bars(counts.head(N_BARS), column=column.name, title=False)


def _findings(profile: Profile) -> None:
    if not profile.findings:
        st.markdown(
            ":material/check_circle: Nothing stands out: no missing values, duplicates or odd columns were found."
        )
        return
    for finding in profile.findings:
        st.markdown(f":material/arrow_right: {messages.plain(finding)}")
