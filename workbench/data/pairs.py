"""A train file and a test file as one table: rows of both, the train file's first, with columns that agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from workbench.data.file_forms import FileForm
from workbench.data.store import store_batches
from workbench.data.table import Table, nearest
from workbench.data.zones import placed, zone_of
from workbench.errors import ReadError, TargetError
from workbench.settings import Settings, current

_MAX_LABELS = 1_000
_EXACT = 2**53  # up to here a float holds every whole number


def join_tables(train: Table, test: Table, *, target: str | None = None, settings: Settings | None = None) -> Table:
    """Store the rows of two tables as one, those of `train` first, so that the given test rows stay the test rows.

    Columns are matched by name, in the order of `train`. Types are unified where that loses nothing: whole numbers
    with fractions, dates with times, and a column that is empty in one of them takes the type of the other. Where a
    column of `train` has a time zone, that of `test` gets it: moments stay, and times without a zone are read in it.
    The order of categories is that of `train`.

    Parameters
    ----------
    train, test : Table
    target : str, optional
        Column to predict; that of `train` when absent.
    settings : Settings, optional

    Returns
    -------
    Table
        Its `origin` has ``kind`` "pair", the digests ``train`` and ``test``, ``n_train_rows``, and under
        ``label_differences`` labels of the test rows that differ from those of the train rows only in their writing.

    Raises
    ------
    ReadError
        If columns are missing in one of them or can't be unified; the message names each.
    TargetError
        If there is no such target.
    StorageError
        If the rows can't be stored.
    """
    settings = settings or current()
    target = target or train.target
    if target is not None:
        _check_target(target, train, test)
    schema = _unify(train, test)

    def origin() -> dict[str, Any]:
        found: dict[str, Any] = {
            "kind": "pair",
            "train": train.digest,
            "test": test.digest,
            "train_name": train.name,
            "test_name": test.name,
            "n_train_rows": train.n_rows,
            "path": f"{train.name} and {test.name}",
        }
        form = FileForm.of(train)
        if form is not None:
            found["form"] = form.to_dict()
        if test.origin.get("misfits"):
            found["misfits"] = test.origin["misfits"]
        if target is not None:
            labels = [_labels(table, target) for table in (train, test)]
            found["label_differences"] = label_differences(*labels)
        return found

    return store_batches(
        _rows(train, test, schema),
        name=f"{train.name} + {test.name}",
        target=target,
        origin=origin,
        orders={name: order for name, order in train.orders.items() if schema.get(name) == pl.String},
        settings=settings,
    )


def _rows(train: Table, test: Table, schema: dict[str, pl.DataType]) -> Iterator[pl.DataFrame]:
    for table in (train, test):
        for _, batch in table.batches(list(schema)):
            yield batch.select(_cast(batch[name], dtype) for name, dtype in schema.items())


def _cast(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    if values.dtype == dtype:
        return values
    if values.null_count() == len(values):
        return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, len(values))
    zone = zone_of(dtype)
    return (placed(values, zone) if zone else values).cast(dtype)


def _check_target(target: str, train: Table, test: Table) -> None:
    for table, part in ((train, "train"), (test, "test")):
        names = [column.name for column in table.columns]
        if target not in names:
            raise TargetError(
                f"Got {part} rows ({table.name}) without the target {target!r}, needed it in both: without it nothing "
                f"can be {'learned' if part == 'train' else 'measured'}.{nearest(target, names)} Add the column, or "
                f"{'choose another target' if part == 'train' else 'predict these rows with the model instead'}."
            )


def _unify(train: Table, test: Table) -> dict[str, pl.DataType]:
    """Give each column its type in both, or name every column where that can't be."""
    schemas = [next(iter(table.batches(n_rows=1)))[1].schema for table in (train, test)]
    problems = [f"{name!r} is missing in the test rows" for name in schemas[0] if name not in schemas[1]]
    problems += [f"{name!r} is missing in the train rows" for name in schemas[1] if name not in schemas[0]]
    unified: dict[str, pl.DataType] = {}
    for name in schemas[0]:
        if name in schemas[1]:
            found = _common(name, train, test, schemas[0][name], schemas[1][name])
            if isinstance(found, str):
                problems.append(found)
            else:
                unified[name] = found
    if problems:
        shown = "; ".join(problems[:12]) + (f"; and {len(problems) - 12} more" if len(problems) > 12 else "")
        raise ReadError(
            f"Got {train.name} and {test.name} with columns that differ: {shown}. Needed the same columns of the same "
            "types in both. Correct the files, or set the columns' types in the reader options."
        )
    return unified


def _common(name: str, train: Table, test: Table, ours: pl.DataType, theirs: pl.DataType) -> pl.DataType | str:
    """Give the type that holds both without loss, or say what is wrong."""
    if ours == theirs:
        return ours
    if train.column(name).n_missing == train.n_rows:
        return theirs
    if test.column(name).n_missing == test.n_rows:
        return ours
    if ours.is_numeric() and theirs.is_numeric():
        if ours.is_integer() and theirs.is_integer():
            return pl.Int64()  # a table holds nothing larger
        whole = [table for table, dtype in ((train, ours), (test, theirs)) if dtype.is_integer()]
        if all(_fits_float(table, name) for table in whole):
            return pl.Float64()
        return f"{name!r} has whole numbers of more than 15 digits in {whole[0].name} and fractions in the other"
    if isinstance(ours, (pl.Date, pl.Datetime)) and isinstance(theirs, (pl.Date, pl.Datetime)):
        zones = {getattr(dtype, "time_zone", None) for dtype in (ours, theirs) if isinstance(dtype, pl.Datetime)}
        if len(zones) == 1 or zone_of(ours):
            units = {dtype.time_unit for dtype in (ours, theirs) if isinstance(dtype, pl.Datetime)}
            return pl.Datetime("ns" if "ns" in units else "us", zone_of(ours) or zone_of(theirs))
    examples = [_example(table, name) for table in (train, test)]
    return (
        f"{name!r} is {_word(ours)} in the train rows (such as {examples[0]}) and {_word(theirs)} in the test rows "
        + (f"(such as {examples[1]})")
    )


def _fits_float(table: Table, name: str) -> bool:
    return all(not (batch[name].cast(pl.Int64).abs() > _EXACT).any() for _, batch in table.batches([name]))


def _example(table: Table, name: str) -> str:
    for _, batch in table.batches([name]):
        present = batch[name].drop_nulls()
        if len(present):
            return repr(str(present[0])[:40])
    return "nothing"


def _word(dtype: pl.DataType) -> str:
    if dtype.is_numeric():
        return "a number"
    if dtype.is_temporal():
        return "a time with a zone" if getattr(dtype, "time_zone", None) else "a date or time"
    return {pl.String: "text", pl.Boolean: "yes/no", pl.Binary: "an image"}.get(type(dtype), str(dtype))


def _labels(table: Table, target: str) -> pl.Series:
    """Give the different texts of the target; none where they aren't texts or are too many to be labels."""
    found = pl.Series(target, [], dtype=pl.String)
    for _, batch in table.batches([target]):
        if batch[target].dtype != pl.String:
            return found
        found = pl.concat([found, batch[target].drop_nulls()]).unique()
        if len(found) > _MAX_LABELS:
            return found.clear()
    return found


def label_differences(train: pl.Series, test: pl.Series) -> dict[str, str]:
    """Find labels of the test rows that differ from one of the train rows only in spaces, a full stop or capitals.

    The step ``clean_text`` on the target mends them.

    Parameters
    ----------
    train, test : Series
        The target's values; anything but text has no differences.

    Returns
    -------
    dict of str to str
        From each such label of the test rows to the one that is meant.

    Examples
    --------
    >>> label_differences(pl.Series(["<=50K", ">50K"]), pl.Series(["<=50K.", ">50K.", "unknown"]))
    {'<=50K.': '<=50K', '>50K.': '>50K'}
    """
    if train.dtype != pl.String or test.dtype != pl.String:
        return {}
    known = train.drop_nulls().unique().to_list()
    by_form: dict[str, list[str]] = {}
    for label in known:
        by_form.setdefault(_form(label), []).append(label)
    strange = sorted(set(test.drop_nulls().unique().to_list()) - set(known))
    meant = {label: by_form.get(_form(label), []) for label in strange}
    return {label: found[0] for label, found in meant.items() if len(found) == 1}


def _form(label: str) -> str:
    return " ".join(label.strip().removesuffix(".").split()).casefold()
