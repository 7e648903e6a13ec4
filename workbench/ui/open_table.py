"""Ways to a table: samples as cards, an upload, the tables that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.settings import current
from workbench.ui import messages, state, uploads, words

if TYPE_CHECKING:
    from workbench.data.sample_tables import SampleInfo


def draw() -> None:
    """Draw all three ways."""
    upload_side, stored_side = st.columns(2, gap="large")
    with upload_side:
        _upload()
    with stored_side:
        _stored()
    st.subheader("Samples", anchor=False)
    _samples()


def _upload() -> None:
    st.subheader("Your own file", anchor=False)
    turn = st.session_state.setdefault("data.upload_turn", 0)
    file = st.file_uploader(
        "CSV, TSV or Parquet, also gzipped",
        type=uploads.ENDINGS,
        key=f"data.upload.{turn}",
        max_upload_size=current().max_upload_mib,
        help="The file is stored on the machine that runs the workbench, and nowhere else.",
    )
    if file is not None:
        # A new key for the next run drops the widget's value, and with it the copy in memory.
        st.session_state["data.upload_turn"] = turn + 1
        st.session_state.pop("data.upload_problem", None)
        try:
            with st.spinner(f"Reading {file.name} …"):
                table = uploads.read_upload(file, file.name)
        except WorkbenchError as problem:
            st.session_state["data.upload_problem"] = str(problem)
        else:
            state.show(table=table.source)
            st.toast(f"{table.name}: {words.plural(table.n_rows, 'row')}", icon=":material/check_circle:")
        st.rerun()
    if message := st.session_state.get("data.upload_problem"):
        messages.error(message)


def _stored() -> None:
    from workbench.data import tables

    st.subheader("Stored tables", anchor=False)
    found = []
    with messages.shown():
        found = tables()
    if not found:
        st.caption("Tables that you upload or read are kept here, and open again with one click.")
        return
    with st.container(height=220 if len(found) > 4 else "content", gap="xsmall", border=len(found) > 4):
        for info in found:
            label = f"{messages.plain(info.name)} · {words.plural(info.n_rows, 'row')} × {info.n_columns} columns"
            help_text = (
                f"{words.size(info.size_bytes)} on disk, read {words.ago(info.read)}, digest {info.short_digest}"
            )
            if st.button(
                label, key=f"data.stored.{info.short_digest}", type="tertiary", help=help_text, icon=":material/table:"
            ):
                state.show(table=info.short_digest)
                st.rerun()


def _samples() -> None:
    from workbench.data import samples

    with st.grid(3, min_column_width=280):
        for info in samples():
            _sample_card(info)


def _sample_card(info: SampleInfo) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"**{info.title}**", help=f"Source: {info.source}. Licence: {info.licence}.")
        st.caption(info.description)
        st.caption(f"{words.plural(info.n_rows, 'row')} × {info.n_columns} columns · {info.task} of `{info.target}`")
        st.space("stretch")
        if st.button("Open", key=f"data.sample.{info.name}", icon=":material/arrow_forward:"):
            state.show(table=info.name)
            st.rerun()
