"""How a file of rows to predict is read: as in training unless it is corrected here."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import streamlit as st

from workbench.data.spec import ReaderOptions
from workbench.settings import current
from workbench.storage import disk_errors
from workbench.ui import reading_form

if TYPE_CHECKING:
    from workbench.package import Predictor


def given(key: str) -> ReaderOptions:
    """Give what was set by hand for these rows so far."""
    found = st.session_state.get(f"predict.reading.{key}")
    return found if isinstance(found, ReaderOptions) else ReaderOptions()


@contextmanager
def on_disk(file: BinaryIO, name: str, key: str) -> Iterator[Path]:
    """Give an uploaded file a place on the disk, and take it away again."""
    # The same place and time for the same file, so that what was seen there once needn't be looked at again.
    folder = current().home / "uploads" / f"rows-{hashlib.sha256(key.encode()).hexdigest()[:12]}-{os.getpid()}"
    path = folder / (Path(name.replace("\\", "/")).name or "upload")
    try:
        with disk_errors(path):
            folder.mkdir(parents=True, exist_ok=True)
            file.seek(0)
            with path.open("wb") as target:
                shutil.copyfileobj(file, target)
            os.utime(path, (0, 0))
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def draw(file: BinaryIO, name: str, key: str, predictor: Predictor) -> None:
    """Offer to read the file otherwise.

    Parameters
    ----------
    file : binary file
    name : str
    key : str
        Of these rows.
    predictor : Predictor
        Whose training table's form is the first guess.
    """
    place, before = f"predict.reread.{key}", given(key)
    with st.expander("Correct how it was read", icon=":material/edit_document:", key=place, on_change="rerun") as panel:
        if not panel.open:
            return
        columns = predictor.signature.column_names
        with on_disk(file, name, f"{key} look") as path:
            wanted = reading_form.draw(path, before, key=place, before=predictor.file_form, columns=columns)
        changed = wanted is not None and wanted != before
        if st.button("Read it so", key=f"{place}.go", icon=":material/refresh:", disabled=not changed):
            st.session_state[f"predict.reading.{key}"] = wanted
            reading_form.forget(place)
            st.rerun()
