"""Files that come after another one: rows to predict, and test files, read first as the table before was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from workbench.data.file_forms import FileForm, choose_options, differs, found_names
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
    beside: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    kept: Mapping[str, Sequence[str]] | None = None,
    options: ReaderOptions | None = None,
    settings: Settings | None = None,
) -> Noted:
    """Read rows that are only to be predicted; columns get the names that they have in the training table.

    Parameters
    ----------
    path : str or Path
    form : FileForm or None
        Of the model's training table: the first guess.
    columns : sequence of str
        Those that the model takes. One that the file writes with other capitals is found, too, and noted.
    beside : sequence of str
        Others that may be there: the target, where the answers are known.
    names : mapping of str to str, optional
        From columns of the file to those that they are.
    kept : mapping of str to sequence of str, optional
        Words that are values of these columns, though they stand for missing ones elsewhere.
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
    told = dict(names or {})
    chosen = choose_options(found, form, columns=columns, names=told, kept=kept, given=options, settings=settings)
    read = read_noted(found, options=chosen.options, settings=settings)
    frame, meant = named_as(read.frame, [*columns, *beside], told)
    notes = [*chosen.notes, *meant]
    report = {**read.report, "notes": [*notes, *read.notes], "misfits": [*notes, *read.misfits]}
    written = {new: old for old, new in zip(read.frame.columns, frame.columns, strict=True) if new != old}
    return Noted(frame, report, written)


def named_as(
    frame: pl.DataFrame, columns: Sequence[str], told: Mapping[str, str] | None = None
) -> tuple[pl.DataFrame, list[str]]:
    """Give the columns of rows the names that are wanted, and say which were called otherwise.

    Raises
    ------
    ReadError
        If a column is to be one that isn't there, or two columns are to be the same one.

    Examples
    --------
    >>> frame, notes = named_as(pl.DataFrame({"Age": [31], "Klasse": [1]}), ["age", "pclass"], {"Klasse": "pclass"})
    >>> frame.columns, notes
    (['age', 'pclass'], ["'Age' was taken as 'age'."])
    """
    told = dict(told or {})
    absent = [name for name in told if name not in frame.columns]
    if absent:
        raise ReadError(
            f"The file has no column {absent[0]!r} to be {told[absent[0]]!r}. Its columns are "
            f"{', '.join(map(repr, frame.columns[:20]))}."
        )
    names = found_names(frame.columns, columns, told)
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ReadError(f"Two columns of the file would be {repeated!r}. Name only one of them.")
    notes = [
        f"{old!r} was taken as {new!r}."
        for old, new in zip(frame.columns, names, strict=True)
        if old != new and old not in told
    ]
    return frame.rename(dict(zip(frame.columns, names, strict=True))), notes


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
