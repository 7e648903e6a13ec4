"""Tables that show what a model says beside the columns of the rows."""

from __future__ import annotations

import polars as pl


def beside(answers: pl.DataFrame, rows: pl.DataFrame, *, prefix: str = "file_") -> tuple[pl.DataFrame, dict[str, str]]:
    """Put what a model says in front of all columns of the rows, of which none is lost.

    Parameters
    ----------
    answers, rows : DataFrame
        Of the same height.
    prefix : str
        In front of a column of the rows that is named as one of the answers.

    Returns
    -------
    both : DataFrame
    renamed : dict of str to str
        Columns of the rows that are named as answers are (those of an earlier model), and what they are called now.

    Examples
    --------
    >>> both, renamed = beside(pl.DataFrame({"prediction": [1]}), pl.DataFrame({"prediction": [0], "x": [2]}))
    >>> both.columns, renamed
    (['prediction', 'file_prediction', 'x'], {'prediction': 'file_prediction'})
    """
    taken = {*answers.columns, *rows.columns}
    renamed: dict[str, str] = {}
    for name in rows.columns:
        if name in answers.columns:
            free = f"{prefix}{name}"
            while free in taken:
                free += "_"
            renamed[name] = free
            taken.add(free)
    return answers.hstack(rows.rename(renamed).get_columns()), renamed
