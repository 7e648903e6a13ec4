"""Files that come after another one: rows to predict, and test files, read first as the table before was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.data.file_forms import FileForm, choose_options, differs
from workbench.data.files import find_file
from workbench.data.originals import drop_upload, original_of, read_upload
from workbench.data.reading import Noted, read_as, read_noted, read_table
from workbench.data.spec import ReaderOptions
from workbench.data.table import Table
from workbench.errors import ReadError
from workbench.settings import Settings, current


def read_later_rows(
    path: str | Path,
    form: FileForm | None,
    *,
    columns: Sequence[str],
    options: ReaderOptions | None = None,
    settings: Settings | None = None,
) -> Noted:
    """Read rows that are only to be predicted.

    Parameters
    ----------
    path : str or Path
    form : FileForm or None
        Of the model's training table: the first guess.
    columns : sequence of str
        Those that the model takes.
    options : ReaderOptions, optional
        What is set by hand for this file.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError, ReadError
        As `workbench.data.reading.read_frame`.
    """
    settings = settings or current()
    found = find_file(path, settings=settings)
    chosen = choose_options(found, form, columns=columns, given=options, settings=settings)
    read = read_noted(found, options=chosen.options, settings=settings)
    report = read.report
    misfits = [*chosen.notes, *report.get("misfits", [])]
    return replace(read, report={**report, "notes": [*chosen.notes, *read.notes], "misfits": misfits})


def read_later_table(
    path: str | Path, before: Table, *, options: ReaderOptions | None = None, settings: Settings | None = None
) -> Table:
    """Read and store a file whose rows belong to a table: its test rows.

    What isn't as in that table stands in the origin under ``misfits``.

    Raises
    ------
    TableNotFoundError, ReadError, StorageError
        As `workbench.data.read_table`.
    """
    settings = settings or current()
    found = find_file(path, settings=settings)
    names = [column.name for column in before.columns]
    chosen = choose_options(found, FileForm.of(before), columns=names, given=options, settings=settings)
    return _noting(read_table(found, options=chosen.options, settings=settings), chosen.notes)


def read_later_upload(path: Path, before: Table, *, name: str | None = None, settings: Settings | None = None) -> Table:
    """Read an uploaded file that was kept, as `read_later_table` does; one that isn't a table goes again.

    Raises
    ------
    ReadError, StorageError
        As `read_later_table`.
    """
    settings = settings or current()
    names = [column.name for column in before.columns]
    try:
        chosen = choose_options(path, FileForm.of(before), columns=names, settings=settings)
    except ReadError:
        drop_upload(path, settings=settings)
        raise
    return _noting(read_upload(path, name=name, options=chosen.options, settings=settings), chosen.notes)


def as_before(table: Table, before: Table, *, settings: Settings | None = None) -> Table:
    """Give a stored table as it would have been read after another one, from its file where that is still there.

    One whose reading was corrected by hand, or that gives the same values either way, stays as it is.

    Raises
    ------
    StorageError
        If it can't be stored.
    """
    settings = settings or current()
    ours, theirs = FileForm.of(before), FileForm.of(table)
    if ours is None or theirs is None or theirs.told != ReaderOptions() or not differs(ours, theirs):
        return table
    names = [column.name for column in before.columns]
    try:
        path, origin = original_of(table, settings)
        chosen = choose_options(path, ours, columns=names, settings=settings)
        again = read_as(path, origin, name=table.name, options=chosen.options, settings=settings)
    except ReadError:
        note = f"{table.name} was read otherwise than {before.name}, and its file isn't there to be read again."
        return _noting(table, [note])
    return _noting(again, chosen.notes)


def _noting(table: Table, notes: list[str]) -> Table:
    found = [*notes, *(dict(table.origin.get("reader") or {}).get("misfits") or [])]
    if found:
        table.origin = {**table.origin, "misfits": found}
    return table
