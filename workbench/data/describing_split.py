"""A split in numbers: how many rows each part has, and whether the parts are alike."""

from __future__ import annotations

from typing import Any

import polars as pl

from workbench.data.parts import Split
from workbench.data.spec import SplitSpec, Task
from workbench.data.targets import class_labels

MAX_SHOWN_CLASSES = 10


def describe_split(
    split: Split, frame: pl.DataFrame, *, target: str, task: Task, spec: SplitSpec | None = None
) -> pl.DataFrame:
    """Describe each part that has rows.

    Parameters
    ----------
    split : Split
    frame : DataFrame
        What was split, with the target and, for a split by group or time, the split column.
    target : str
    task : {"classification", "regression"}
    spec : SplitSpec, optional
        How it was split.

    Returns
    -------
    DataFrame
        ``part``, ``n_rows``, ``share``; for classes ``share of <label>`` of the ten most frequent ones, for numbers
        ``target_mean`` and ``target_std``; by group ``n_groups``, by time ``first`` and ``last``.

    Examples
    --------
    >>> import numpy as np
    >>> split = Split(train=np.array([0, 1]), validation=np.array([], dtype=np.int64), test=np.array([2]))
    >>> frame = pl.DataFrame({"y": ["a", "b", "b"]})
    >>> describe_split(split, frame, target="y", task="classification").to_dicts()[0]
    {'part': 'train', 'n_rows': 2, 'share': 0.6666666666666666, 'share of b': 0.5, 'share of a': 0.5}
    """
    total = max(1, sum(len(rows) for rows in split.parts().values()))
    labels: pl.Series | None = None
    shown: list[Any] = []
    if task == "classification":
        labels = class_labels(frame[target])
        counted = labels.drop_nulls().alias("label").value_counts().sort(["count", "label"], descending=[True, False])
        shown = counted["label"].head(MAX_SHOWN_CLASSES).to_list()
    described = []
    for part, rows in split.parts().items():
        if not len(rows):
            continue
        values: dict[str, Any] = {"part": part, "n_rows": len(rows), "share": len(rows) / total}
        if labels is not None:
            mine = labels[rows]
            values |= {f"share of {label}": float((mine == label).sum()) / len(rows) for label in shown}
        else:
            numbers = frame[target][rows].cast(pl.Float64, strict=False)
            values |= {"target_mean": numbers.mean(), "target_std": numbers.std()}
        described.append(values | _by_column(frame, rows, spec))
    return pl.DataFrame(described)


def _by_column(frame: pl.DataFrame, rows: Any, spec: SplitSpec | None) -> dict[str, Any]:
    if spec is None or spec.column not in frame.columns or spec.column is None:
        return {}
    values = frame[spec.column][rows]
    if spec.by == "group":
        return {"n_groups": values.n_unique()}
    return {"first": values.min(), "last": values.max()} if spec.by == "time" else {}
