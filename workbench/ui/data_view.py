"""A table looked at: what was recognised, its rows, its columns with a picture each, and the findings."""

from __future__ import annotations

import math
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from workbench import plots
from workbench.data.findings import findings_beside
from workbench.data.spec import ReaderOptions
from workbench.data.zones import zone_label, zone_of
from workbench.errors import WorkbenchError
from workbench.plots.associations import MAX_MAPPED
from workbench.settings import current
from workbench.ui import drafts, messages, reading_form, recipe_checks, state, words
from workbench.ui.picture import picture

if TYPE_CHECKING:
    from pathlib import Path

    import plotly.graph_objects as go

    from workbench.data import Column, Profile, Table
    from workbench.data.associations import Associations

SHOWN_ROWS = 1_000
SHOWN_IMAGES = 60
THUMBNAIL = 64  # pixels
COLUMNS_A_PAGE = 12
N_BARS = 5
# What is told of the reader beside its notes; the rest stands in the panel that corrects it.
_RECOGNISED = ("format", "encoding", "delimiter", "header_line", "sheet", "table", "member")
_NOTHING: tuple[Any, ...] = (None, [], {}, "")


def draw(table: Table) -> None:
    """Draw the facts and the tabs."""
    with st.spinner("Looking at every column …"):
        profile = table.profile()
    _facts(table, profile)
    _correct(table)
    tabs = st.tabs(["Table", "Columns", "Associations", "Checks"], key="data.tabs", on_change="rerun")
    for tab, drawn in zip(tabs, (_rows, _columns, _associations, _checks), strict=True):
        if tab.open:
            with tab:
                drawn(table, profile)


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
    described = [
        f"{key.replace('_', ' ')} {_value(reader[key])}" for key in _RECOGNISED if reader.get(key) not in _NOTHING
    ]
    described += [messages.plain(note).rstrip(".") for note in reader.get("notes", [])]
    if described:
        st.caption(f":material/fact_check: Recognised: {' · '.join(described)}")


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return messages.plain(", ".join(map(str, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if len(str(value)) < 4 else messages.plain(value)


def _correct(table: Table) -> None:
    """Offer to read the file that the table came from otherwise."""
    if table.origin.get("kind") not in ("upload", "file"):
        return
    key = f"data.reread.{table.short_digest}"
    with st.expander("Correct how it was read", icon=":material/edit_document:", key=key, on_change="rerun") as panel:
        if not panel.open:
            return
        path = _original(table.digest, str(current().home), table)
        if path is None:
            return
        given = ReaderOptions.model_validate((table.origin.get("reader") or {}).get("given") or {})
        options = reading_form.draw(path, given, key=key)
        if st.button("Read it so", key=f"{key}.go", icon=":material/refresh:", disabled=options in (None, given)):
            _reread(table, options or given, key)


@st.cache_data(max_entries=32, ttl=60, show_spinner="Looking for the file …")
def _original(digest: str, home: str, _table: Table) -> Path | None:
    """Find the file that a table came from; its sum is computed, so not at each click."""
    from workbench.data.originals import original_of

    try:
        return original_of(_table, current())[0]
    except WorkbenchError as problem:
        messages.error(problem)
        return None


def _reread(table: Table, options: ReaderOptions, key: str) -> None:
    from workbench.data.reading import reread

    with messages.shown():
        with st.spinner(f"Reading {table.name} …"):
            again = reread(table, options)
        reading_form.forget(key)
        state.show(table=again.source)
        st.toast(f"{again.name}: {words.plural(again.n_rows, 'row')}", icon=":material/check_circle:")
        st.rerun()


def _rows(table: Table, profile: Profile) -> None:
    images = [column.name for column in table.columns if column.kind == "image"]
    frame = _with_thumbnails(table.digest, table, images) if images else table.head(SHOWN_ROWS)
    order = "evenly from the whole table" if images else "in the order of the file"
    st.caption(f"{frame.height:,} of {words.plural(table.n_rows, 'row')}, {order}.")
    st.dataframe(
        frame,
        key="data.rows",
        height=460,
        row_height=THUMBNAIL if images else None,
        column_config=words.columns_shown(frame) | {name: st.column_config.ImageColumn(name) for name in images},
        alt=f"{frame.height} rows of {table.name}",
    )


@st.cache_data(max_entries=8, show_spinner="Drawing the images …")
def _with_thumbnails(digest: str, _table: Table, images: list[str]) -> pl.DataFrame:
    """Give some rows with their images as small PNGs that the browser can show."""
    from workbench.data.images import thumbnails

    frame, _ = _table.sampled(SHOWN_IMAGES)
    drawn = [
        pl.Series(
            name,
            [f"data:image/png;base64,{b64encode(png).decode()}" for png in thumbnails(frame[name], size=THUMBNAIL)],
        )
        for name in images
    ]
    return frame.with_columns(drawn)


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
        counts = profile.histograms.get(column.name)
        is_bars = counts is not None and counts.height > 0 and "value" in counts.columns
        which = "first" if column.order else "most frequent"
        most = f" · the {N_BARS} {which} drawn" if is_bars and column.n_unique > N_BARS else ""
        zone = zone_of(column.dtype)
        more = zone_label(zone) if zone else "ordered" if column.order else ""
        kind = f"{column.kind} · {more}" if more else column.kind
        st.caption(f"{kind} · {words.plural(column.n_unique, 'value')} · {missing}{most}")
        if finding := profile.column_findings.get(column.name):
            st.caption(f":material/arrow_right: {messages.plain(finding)}")
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
    ordered = bool(column.order)
    shown = counts if ordered else counts.head(N_BARS)
    return plots.category_bars(shown, column=column.name, title=False, max_bars=N_BARS, ordered=ordered)


def _associations(table: Table, profile: Profile) -> None:
    with messages.shown():
        target = drafts.load(table).target
        first = target if target in {column.name for column in table.columns} else table.target
        with st.spinner("Comparing each column with each other …"):
            found = _cached_associations(f"{table.digest} {first}", table, first)
        numbers = found.frame()
        if numbers.is_empty():
            st.caption("There are no two columns that can be compared: numbers and categories can, text can't.")
            return
        st.caption(
            f"How closely two columns go together, on {words.plural(max(numbers['n_rows'].to_list()), 'row')}: "
            "correlation for numbers, Cramér's V for categories, the correlation ratio for one of each. 0 is nothing, "
            "1 is everything; a column close to 1 with the target may give the answer away." + _left_out(found)
        )
        picture(found.plot(), key="data.associations", numbers=numbers, name=f"{table.name}-associations")


def _left_out(found: Associations) -> str:
    """Say what a table of many columns leaves out of the picture, and out of the numbers."""
    n_all = len(found.columns) + found.n_beyond
    drawn = min(n_all, MAX_MAPPED)
    if drawn == n_all:
        return ""
    near = "that go together most closely"
    if found.first in found.columns:
        near = f"closest to {messages.plain(found.first)}, which is first"
    numbers = f"; the numbers have {len(found.columns):,} of them" if found.n_beyond else "; the numbers have all"
    return f" **{drawn} of {n_all:,} columns are drawn**, those {near}{numbers}."


@st.cache_resource(max_entries=8, show_spinner=False)
def _cached_associations(key: str, _table: Table, first: str | None) -> Associations:
    return _table.associations(first=first)


def _checks(table: Table, profile: Profile) -> None:
    draft = drafts.load(table)
    if draft.target:
        st.caption(
            f"Checked for a model of `{messages.plain(draft.target)}` with recipe and split as on the Prepare "
            "page. A remedy becomes a step of the recipe; undo it there."
        )
        recipe_checks.draw(table, draft, unfolded=True)  # whoever opens this tab wants to read them
    else:
        st.caption(
            "Choose on the Prepare page what to predict, and leaks, duplicates and odd splits are looked for, too."
        )
    said = recipe_checks.said(table, draft) if draft.target else set()
    findings = findings_beside(table, said) if said else profile.findings
    st.markdown(f"**What {'else ' if said else ''}stands out in the columns**")
    if not findings:
        beside = (
            "Nothing else stands out."
            if said
            else ("Nothing stands out: no missing values, duplicates or odd columns were found.")
        )
        st.markdown(f":material/check_circle: {beside}")
    for finding in findings:
        st.markdown(f":material/arrow_right: {messages.plain(finding)}")
