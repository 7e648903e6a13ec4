"""Ways to a table: samples as cards, an upload, a file of the server, a database, the tables that are stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError, WorkbenchError
from workbench.settings import current
from workbench.ui import messages, reading_form, state, uploads, words

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.keras_sets import KerasSet
    from workbench.data.sample_tables import SampleInfo

_PENDING = "data.pending"
_PROBLEM = "data.upload_problem"
_WANTING = "data.pending_error"


def draw() -> None:
    """Draw all ways."""
    upload_side, stored_side = st.columns(2, gap="large")
    with upload_side:
        _upload()
        _server()
        _database()
    with stored_side:
        _stored()
    _pending()
    st.subheader("Samples", anchor=False)
    _samples()


def _upload() -> None:
    from workbench.data.originals import keep_upload

    st.subheader("Your own file", anchor=False)
    turn = st.session_state.setdefault("data.upload_turn", 0)
    file = st.file_uploader(
        "CSV, Excel, JSON, Parquet, Arrow, SQLite, a zip of images, .npz; also packed",
        type=uploads.ENDINGS,
        key=f"data.upload.{turn}",
        max_upload_size=current().max_upload_mib,
        help="What the file is shows in its content. It is stored on the machine that runs the workbench, and nowhere "
        "else.",
    )
    if file is not None:
        # A new key for the next run drops the widget's value, and with it the copy in memory.
        st.session_state["data.upload_turn"] = turn + 1
        _forget()
        try:
            path = keep_upload(file, file.name)
        except WorkbenchError as problem:
            st.session_state[_PROBLEM] = str(problem)
        else:
            _open(lambda report: uploads.read_kept(path, on_progress=report), file.name, pending=path)
        st.rerun()
    if message := st.session_state.get(_PROBLEM):
        messages.error(message)


def _open(read: Callable[[Callable[[float], object]], Table], name: str, *, pending: Path | None = None) -> bool:
    """Read with a progress bar and open the table, or keep the message; say whether it worked."""
    bar = st.progress(0.0, text=f"Reading {messages.plain(name)} …")
    try:
        table = read(lambda share: bar.progress(min(max(share, 0.0), 1.0), text=f"Reading {messages.plain(name)} …"))
    except WorkbenchError as problem:
        st.session_state[_PROBLEM] = str(problem)
        if pending is not None:
            _keep_pending(pending, problem)
        return False
    finally:
        bar.empty()
    _forget()
    state.show(table=table.source)
    st.toast(f"{table.name}: {words.plural(table.n_rows, 'row')}", icon=":material/check_circle:")
    return True


def _keep_pending(path: Path, problem: WorkbenchError) -> None:
    """Keep a file that can't be read by itself, but may be read once somebody says how; let others go."""
    from workbench.data.looking import look_at
    from workbench.data.originals import drop_upload

    try:
        if not isinstance(problem, ReadError):
            raise problem
        if not problem.options:
            look_at(path)
    except WorkbenchError:
        drop_upload(path)
    else:
        st.session_state[_PENDING], st.session_state[_WANTING] = str(path), problem


def _forget() -> None:
    """Let go of a file that couldn't be read."""
    from workbench.data.originals import drop_upload

    if path := st.session_state.pop(_PENDING, None):
        drop_upload(Path(path))
        reading_form.forget(_PENDING)
    st.session_state.pop(_PROBLEM, None)
    st.session_state.pop(_WANTING, None)


def _pending() -> None:
    """Offer to say how a file is to be read that couldn't be read by itself."""
    if not (path := st.session_state.get(_PENDING)) or not Path(path).is_file():
        return
    with st.container(border=True, key="data.pending_box"):
        st.markdown(f"**How is {messages.plain(Path(path).name)} to be read?**")
        wanting = st.session_state.get(_WANTING)
        options = reading_form.draw(Path(path), ReaderOptions(), key=_PENDING, wanting=wanting)
        with st.container(horizontal=True):
            go = st.button(
                "Read it so", key="data.pending_go", type="primary", icon=":material/check:", disabled=options is None
            )
            if st.button("Leave it", key="data.pending_drop", icon=":material/close:"):
                _forget()
                st.rerun()
        if go and options is not None:
            kept = Path(path)
            _open(lambda report: uploads.read_kept(kept, options=options, on_progress=report), kept.name)
            st.rerun()


def _server() -> None:
    from workbench.data.server_files import server_file, server_files

    with messages.shown():
        files = server_files()
        if not files:
            return
        with st.expander("A file on the server", icon=":material/folder:", key="data.server"):
            names = {file.path: file for file in files}
            picked = st.selectbox(
                "File",
                list(names),
                index=None,
                key="data.server_file",
                format_func=lambda name: (
                    name if names[name].is_folder else f"{name} · {words.size(names[name].n_bytes)}"
                ),
                placeholder="Choose or type to search",
                help="Files below the folder that WORKBENCH_FILES names; nothing is copied through the browser.",
            )
            if st.button("Open", key="data.server_open", icon=":material/arrow_forward:", disabled=picked is None):
                from workbench.data import read_table

                path = server_file(str(picked))
                _open(lambda report: read_table(path, on_progress=report), path.name)
                st.rerun()


def _database() -> None:
    from workbench.data import read_table
    from workbench.data.server_files import visitor_source

    with st.expander("A database", icon=":material/database:", key="data.database"):
        source = st.text_input(
            "Connection",
            key="data.connection",
            placeholder="postgresql://reader:${PASSWORD}@host/name",
            help="As the password, ${NAME} is filled in from the server's environment, where whoever runs the "
            "workbench allows it for that host; it is neither shown nor stored.",
        ).strip()
        query = st.text_area(
            "Query",
            key="data.query",
            placeholder="select * from orders where year = 2024",
            help="One SELECT. It runs in a read-only transaction; its rows are stored as a table.",
        ).strip()
        if st.button("Read", key="data.query_go", icon=":material/download:", disabled=not (source and query)):
            options = ReaderOptions(query=query)
            try:
                place = visitor_source(source)
            except WorkbenchError as problem:
                st.session_state[_PROBLEM] = str(problem)
            else:
                _open(lambda report: read_table(place, options=options, on_progress=report), "the query's rows")
            st.rerun()


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
    from workbench.data.keras_sets import keras_sets

    with st.grid(3, min_column_width=280):
        for info in samples():
            _sample_card(info)
        for known in keras_sets():
            _keras_card(known)


def _keras_card(known: KerasSet) -> None:
    from workbench.data.keras_sets import keras_set

    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"**{known.title}**", help=f"Source: {known.source}. Licence: {known.licence}.")
        st.caption(known.description)
        st.caption("Images in 10 classes · from the data folder, else loaded by Keras the first time")
        st.space("stretch")
        if st.button("Open", key=f"data.keras.{known.name}", icon=":material/arrow_forward:"):
            with messages.shown(), st.spinner(f"Opening {known.title} …"):
                table = keras_set(known.name)
                state.show(table=table.source)
                st.rerun()


def _sample_card(info: SampleInfo) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"**{info.title}**", help=f"Source: {info.source}. Licence: {info.licence}.")
        st.caption(info.description)
        st.caption(f"{words.plural(info.n_rows, 'row')} × {info.n_columns} columns · {info.task} of `{info.target}`")
        st.space("stretch")
        if st.button("Open", key=f"data.sample.{info.name}", icon=":material/arrow_forward:"):
            state.show(table=info.name)
            st.rerun()
