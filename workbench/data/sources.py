"""From what a RunSpec or an address names to the table: a sample, a digest, a file."""

from __future__ import annotations

import re

from workbench.data.reading import find_file, read_table
from workbench.data.sample_tables import is_sample, sample, sample_of_digest, samples
from workbench.data.spec import DataSpec
from workbench.data.store import open_stored
from workbench.data.table import Table, nearest
from workbench.errors import TableNotFoundError
from workbench.settings import Settings, current

_DIGEST = re.compile(r"[0-9a-fA-F]{6,64}")


def open_table(digest: str, *, settings: Settings | None = None) -> Table:
    """Open a stored table, or a sample, by its digest or the first 6 or more digits of it.

    Parameters
    ----------
    digest : str
        A sample's name is taken, too, so that both stand in an address.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError
        If nothing begins with these digits, or several tables do.
    """
    if is_sample(digest):
        return sample(digest)
    return sample_of_digest(digest) or open_stored(digest, settings=settings)


def resolve(data: DataSpec, *, settings: Settings | None = None) -> Table:
    """Open what a RunSpec names: a sample, else a stored table, else a file.

    Parameters
    ----------
    data : DataSpec
        A file may also lie below the folder that ``WORKBENCH_DATA`` names; write ``./iris`` for a file that is
        called as a sample.
    settings : Settings, optional

    Raises
    ------
    TableNotFoundError
        If it is none of them.
    ReadError
        If it is a file that can't be read.
    TargetError
        If the table has no such target.

    Examples
    --------
    >>> resolve(DataSpec(source="iris", target="species"))
    Table('iris', 150 rows x 5 columns, target='species', digest=...)
    """
    settings = settings or current()
    if is_sample(data.source):
        return sample(data.source, target=data.target)
    if _DIGEST.fullmatch(data.source):
        try:
            return open_table(data.source, settings=settings).with_target(data.target)
        except TableNotFoundError as error:
            not_stored = error
        try:
            find_file(data.source, settings=settings)
        except TableNotFoundError:
            raise not_stored from None
    try:
        return read_table(data.source, target=data.target, settings=settings)
    except TableNotFoundError as error:
        hint = nearest(data.source, [info.name for info in samples()])
        if not hint:
            raise
        raise TableNotFoundError(
            f"Got source {data.source!r}, needed a sample's name, a stored table's digest or a file.{hint}"
        ) from error
