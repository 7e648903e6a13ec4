"""From what a RunSpec or an address names to the table: a sample, a digest, a file."""

from __future__ import annotations

import re

from workbench.data.formats import is_connection, read_database
from workbench.data.keras_sets import is_keras_set, keras_set
from workbench.data.reading import find_file, read_table
from workbench.data.sample_tables import is_sample, sample, sample_of_digest, samples
from workbench.data.spec import DataSpec, ReaderOptions
from workbench.data.store import open_stored
from workbench.data.table import Table, nearest
from workbench.errors import ReadError, TableNotFoundError
from workbench.settings import Settings, current

_DIGEST = re.compile(r"[0-9a-fA-F]{6,64}")


def open_table(digest: str, *, settings: Settings | None = None) -> Table:
    """Open a stored table, or a sample, by its digest or the first 6 or more digits of it.

    Parameters
    ----------
    digest : str
        A sample's name is taken, too, so that both stand in an address; so is one of Keras' data sets.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError
        If nothing begins with these digits, or several tables do.
    """
    if is_sample(digest):
        return sample(digest)
    if is_keras_set(digest):
        return keras_set(digest, settings=settings)
    return sample_of_digest(digest) or open_stored(digest, settings=settings)


def resolve(data: DataSpec, *, settings: Settings | None = None) -> Table:
    """Open what a RunSpec names: a sample, else a stored table, else a database, else a file or folder.

    Keras' data sets of images (``mnist``, ``fashion_mnist``, ``cifar10``) are opened by their names as samples are.
    With a `test_source` both are opened and joined: the rows of `source` first, ``origin["n_train_rows"]`` of them. A
    test file is read first by the form that the file of `source` has; ``origin["misfits"]`` says what doesn't fit it.

    Parameters
    ----------
    data : DataSpec
        A file may also lie below the folder that ``WORKBENCH_DATA`` names; write ``./iris`` for a file that is
        called as a sample. A database's connection string must take its password from a variable (``${NAME}``),
        since RunSpecs are stored and shared.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError
        If it is none of them.
    ReadError
        If it is a file or database that can't be read, or the two sources have different columns.
    TargetError
        If the table has no such target.

    Examples
    --------
    >>> resolve(DataSpec(source="iris", target="species"))
    Table('iris', 150 rows x 5 columns, target='species', digest=...)
    """
    settings = settings or current()
    if data.test_source is None:
        return _open(data.source, data.target or None, data.reader, settings)
    from workbench.data.pairs import join_tables

    # Without the target: the join says in which of the two it is missing.
    train = _open(data.source, None, data.reader, settings)
    test = _open_test(data.test_source, train, data.reader, settings)
    return join_tables(train, test, target=data.target, settings=settings)


def _open_test(source: str, train: Table, reader: ReaderOptions | None, settings: Settings) -> Table:
    """Open the test rows; a file is read first as that of the training rows was."""
    from workbench.data.later_files import as_before, read_later_table

    if (
        not is_connection(source)
        and not _DIGEST.fullmatch(source)
        and not is_sample(source)
        and not is_keras_set(source)
    ):
        # What was told for the file of the training rows is its form, and a first guess only.
        told = dict(train.origin.get("reader") or {}).get("given")
        is_told = reader is not None and told == reader.model_dump(mode="json", exclude_defaults=True)
        return read_later_table(source, train, options=None if is_told else reader, settings=settings)
    return as_before(_open(source, None, reader, settings), train, settings=settings)


def _open(source: str, target: str | None, reader: ReaderOptions | None, settings: Settings) -> Table:
    if is_sample(source):
        return sample(source, target=target)
    if is_keras_set(source):
        return keras_set(source, target=target, settings=settings)
    if _DIGEST.fullmatch(source):
        try:
            table = open_table(source, settings=settings)
            return table if target is None else table.with_target(target)
        except TableNotFoundError as error:
            not_stored = error
        try:
            find_file(source, settings=settings)
        except TableNotFoundError:
            raise not_stored from None
    if is_connection(source):
        return _open_database(source, target, reader, settings)
    try:
        return read_table(source, target=target, options=reader, settings=settings)
    except TableNotFoundError as error:
        hint = nearest(source, [info.name for info in samples()])
        if not hint:
            raise
        raise TableNotFoundError(
            f"Got source {source!r}, needed a sample's name, a stored table's digest or a file.{hint}"
        ) from error


def _open_database(source: str, target: str | None, reader: ReaderOptions | None, settings: Settings) -> Table:
    from workbench.data.formats.connecting import holds_secret, parse_connection, shown_connection

    if holds_secret(source):
        raise ReadError(
            f"Got a password in the source {shown_connection(parse_connection(source))}, needed none in a "
            "RunSpec, which is stored and shared. Put it into an environment variable and write ${NAME} in its place."
        )
    return read_database(source, options=reader, target=target, settings=settings)
