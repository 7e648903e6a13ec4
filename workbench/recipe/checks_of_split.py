"""Checks of the split: rows in two parts, time out of order, classes without rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.data.splitting import split_rows
from workbench.errors import WorkbenchError
from workbench.recipe.check_list import Check, Remedy, made, named
from workbench.recipe.date_texts import date_format
from workbench.recipe.examined import Examined
from workbench.recipe.spec import DropDuplicates, DropMissing, Filter, ParseDates, Step

_TIME_WORD = re.compile(r"(^|[\s_.-])(date|time|timestamp|year|yr|day|week|month|instant)([\s_.-]|$)", re.IGNORECASE)
_UNLIKELY = 0.05  # a class that a random split leaves out with this probability is told


def duplicates(seen: Examined) -> Iterator[Check]:
    """Equal rows that may train and test (WB111)."""
    if seen.split.by == "group" or any(step.step == "drop_duplicates" and not step.columns for step in seen.steps):
        return
    remedy = Remedy("Drop duplicate rows", (DropDuplicates(),))
    if seen.is_sample or seen.split.by != "random":
        n_equal = seen.whole.n_duplicates
        if n_equal and seen.split.by == "random":
            message = f"{n_equal:,} of {seen.table.n_rows:,} rows equal an earlier one; a random split puts equal rows "
            yield made("WB111", (), message + "into training and test.", remedy)
        return
    found = _shared_rows(seen)
    if found:
        n_test, n_total = found
        message = f"{n_test:,} of {n_total:,} test rows equal a row that the model is trained on."
        yield made("WB111", (), message, remedy)


def _shared_rows(seen: Examined) -> tuple[int, int] | None:
    parts = _parts(seen)
    if parts is None or not len(parts["test"]):
        return None
    keys = seen.raw.hash_rows()
    learned = keys[np.concatenate([parts["train"], parts["validation"]])].unique()
    test = keys[parts["test"]]
    n_shared = int(test.is_in(learned.implode()).sum())
    return (n_shared, len(test)) if n_shared else None


def _parts(seen: Examined) -> dict[str, np.ndarray] | None:
    """Split the rows as a run would; None where that fails, which the split says itself."""
    try:
        split = split_rows(seen.rows, seen.split, target=seen.target, task=seen.task, seed=seen.seed)
    except WorkbenchError:
        return None
    return split.parts()


def time_order(seen: Examined) -> Iterator[Check]:
    """Find a column that tells the time, and a split that passes over it (WB112)."""
    if seen.split.by != "random" or seen.table.n_rows < 20:
        return
    dates = [name for name, kind in seen.table_kinds.items() if kind == "datetime" and name != seen.target]
    if dates:
        yield _ignored(
            seen, dates[0], f"{named(dates)} {'tells' if len(dates) == 1 else 'tell'} when a row is from", ()
        )
        return
    for name in seen.raw.columns:
        if name == seen.target or seen.table_kinds.get(name) in ("constant", "image"):
            continue
        values = seen.raw[name]
        if values.dtype == pl.String:
            format_ = date_format(values)
            if format_ is not None:
                step = ParseDates(columns=(name,), format=format_.pattern)
                parsed = any(there.step == "parse_dates" and name in there.columns for there in seen.steps)
                yield _ignored(seen, name, f"{name} tells when a row is from", () if parsed else (step,))
                return
        elif values.dtype.is_integer() and _TIME_WORD.search(name) and _rises(values):
            yield _ignored(seen, name, f"the rows are in the order of {name}", ())
            return


def _ignored(seen: Examined, column: str, why: str, steps: tuple[Step, ...]) -> Check:
    if seen.raw[column].null_count() and not seen.taken_by(column, "drop_missing"):
        steps = (DropMissing(columns=(column,)), *steps)
    split = seen.split.model_copy(update={"by": "time", "column": column})
    remedy = Remedy(f"Split by time ({column})", steps or None, split)
    message = f"{why[0].upper() if why.startswith('the ') else why[0]}{why[1:]}, but the split is at random"
    return made("WB112", (column,), f"{message}{seen.said}.", remedy)


def _rises(values: pl.Series) -> bool:
    present = values.drop_nulls()
    return present.n_unique() > 1 and bool(present.is_sorted())


def missing_class(seen: Examined) -> Iterator[Check]:
    """Find a class without rows in a part (WB113)."""
    if seen.task != "classification":
        return
    counts = dict(seen.summaries[seen.target].top)
    if len(counts) < seen.summaries[seen.target].column.n_unique or len(counts) < 2:
        return
    wanted = {"training": 1.0, "test": seen.split.test, "validation": seen.split.validation}
    n_parts = sum(share > 0 for share in wanted.values())
    if seen.split.by == "random" and seen.split.stratify:
        few = [label for label, count in counts.items() if count < n_parts]
        if few:
            yield _too_few(seen, few, counts, n_parts)
        return
    told = _missing_at_random(seen, counts) if seen.split.by == "random" else _missing_in_parts(seen)
    if told:
        random = seen.split.model_copy(update={"by": "random", "column": None, "stratify": True})
        remedies = [Remedy("Split at random, stratified", None, random)] if min(counts.values()) >= n_parts else []
        # By time or group a class may be missing for good reason: its remedy gives that order up.
        severity = "error" if seen.split.by == "random" else "warning"
        yield made("WB113", (seen.target,), told, *remedies, severity=severity)  # type: ignore[arg-type]


def _too_few(seen: Examined, few: list[object], counts: dict[object, int], n_parts: int) -> Check:
    shown = ", ".join(f"{label!r} ({counts[label]:,} row{'s'[: counts[label] > 1]})" for label in few[:4])
    more = f" and {len(few) - 4} more" if len(few) > 4 else ""
    message = f"Too few rows of {shown}{more} to have one in each of {n_parts} parts."
    conditions = " and ".join(f"`{seen.target}` != {_written(label)}" for label in few)
    remedies = []
    if len(few) <= 20 and "`" not in seen.target and len(conditions) <= 2_000:
        remedies = [Remedy("Leave the rows of these classes out", (Filter(expression=conditions),))]
    return made("WB113", (seen.target,), message, *remedies)


def _written(label: object) -> str:
    if isinstance(label, bool):
        return str(label).lower()
    return repr(label)


def _missing_at_random(seen: Examined, counts: dict[object, int]) -> str | None:
    shares = {"test": seen.split.test, "validation": seen.split.validation}
    for part, share in shares.items():
        for label, count in sorted(counts.items(), key=lambda pair: pair[1]):
            chance = (1 - share) ** count
            if share and chance > _UNLIKELY:
                return (
                    f"Class {label!r} of {seen.target} has {count:,} rows; a split that isn't stratified leaves the "
                    f"{part} part without any with a probability of {chance:.0%}."
                )
    return None


def _missing_in_parts(seen: Examined) -> str | None:
    parts = _parts(seen)
    if parts is None:
        return None
    labels = seen.rows[seen.target]
    classes = set(labels.drop_nulls().unique())
    for part, positions in parts.items():
        absent = sorted(classes - set(labels[positions]), key=str)
        if len(positions) and absent:
            words = "training" if part == "train" else part
            return (
                f"No {words} row is of class {absent[0]!r} of {seen.target}, split by {seen.split.column}{seen.said}."
            )
    return None
