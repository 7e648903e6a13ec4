"""A form from a model's signature: one widget for each column, with what training saw, and missing everywhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from workbench.explain.wording import number_text
from workbench.ui import messages

if TYPE_CHECKING:
    from workbench.package import InputColumn, Signature

MISSING = ""
FIRST_COLUMNS = 12
MANY_COLUMNS = 20
MANY_CATEGORIES = 100
EXAMPLES = 50


def draw(signature: Signature, background: pl.DataFrame, *, prefix: str) -> dict[str, Any]:
    """Draw the form and give the row that it describes; None stands for a missing value.

    Parameters
    ----------
    signature : Signature
    background : DataFrame
        Training rows to start from.
    prefix : str
        Of the widgets' keys; another model needs another one.
    """
    columns = signature.columns
    _start_from(columns, background, prefix)
    n_first = len(columns) if len(columns) <= MANY_COLUMNS else FIRST_COLUMNS
    row = _widgets(columns[:n_first], 0, prefix)
    if n_first < len(columns):
        with st.expander(f"{len(columns) - n_first} more columns", icon=":material/unfold_more:", key=f"{prefix}.more"):
            row |= _widgets(columns[n_first:], n_first, prefix)
    _say_what_is_unusual(columns, row)
    return row


def _widgets(columns: list[InputColumn], first: int, prefix: str) -> dict[str, Any]:
    row = {}
    with st.grid("auto", min_column_width=170):
        for position, column in enumerate(columns, start=first):
            row[column.name] = widget(column, key=f"{prefix}.{position}")
    return row


def widget(column: InputColumn, *, key: str) -> Any:
    """Draw the widget of one column and give its value as the model takes it."""
    st.session_state.setdefault(key, stored(column, typical(column)))
    label = messages.plain(column.name)
    same: dict[str, Any] = {"key": key, "help": describe(column), "persist_state": "session"}
    if column.kind == "boolean" and column.type == "number":
        chosen = st.selectbox(label, [True, False, MISSING], format_func=_written, **same)
        return None if chosen == MISSING else float(bool(chosen))
    if column.type == "number":
        step, digits = step_of(column)
        if column.integer:
            return st.number_input(label, value=None, step=int(step), placeholder="missing", **same)
        return st.number_input(label, value=None, step=step, format=f"%.{digits}f", placeholder="missing", **same)
    if column.categories and column.n_categories <= MANY_CATEGORIES:
        options = [*column.categories, MISSING]
        chosen = st.selectbox(
            label, options, format_func=_written, accept_new_options=True, placeholder="missing", **same
        )
        return chosen or None
    return st.text_input(label, placeholder="missing", **same) or None


def typical(column: InputColumn) -> Any:
    """Give the value that most rows have: missing where most are."""
    return None if column.n_missing_share > 0.5 else column.example


def stored(column: InputColumn, value: Any) -> Any:
    """Give what the widget's state holds for a raw value."""
    if column.kind == "boolean" and column.type == "number":
        return MISSING if value is None or value != value else bool(value)
    if column.type == "number":
        if value is None or value != value:
            return None
        return round(value) if column.integer else float(value)
    return MISSING if value is None else str(value)


def describe(column: InputColumn) -> str:
    """Say in a sentence what training saw in a column."""
    share = f" {column.n_missing_share:.0%} missing." if column.n_missing_share >= 0.005 else ""
    if column.type == "number" and column.minimum is not None and column.maximum is not None:
        low, high, middle = (number_text(v) for v in (column.minimum, column.maximum, column.median or 0.0))
        return f"Training saw {low} to {high}, median {middle}.{share} Empty means missing."
    if column.categories:
        text = ", ".join(column.categories[:5])
        more = f" and {column.n_categories - 5:,} more" if column.n_categories > 5 else ""
        return messages.plain(f"Training saw {text}{more}.{share} Type any other value, or leave it missing.")
    return f"Training saw no value.{share}"


def step_of(column: InputColumn) -> tuple[float, int]:
    """Choose the step of a number's buttons and the digits that are shown: about a fiftieth of the usual range."""
    if column.q05 is None or column.q95 is None or column.minimum is None or column.maximum is None:
        return 1.0, 2
    span = (column.q95 - column.q05) or (column.maximum - column.minimum) or abs(column.maximum) or 1.0
    power = math.floor(math.log10(span / 20))
    if column.integer:
        return float(max(1, 10**power if power > 0 else 1)), 0
    return float(10.0**power), min(max(1 - power, 0), 8)


def unusual(columns: list[InputColumn], row: dict[str, Any]) -> list[str]:
    """Name the values that training didn't see."""
    found = []
    for column in columns:
        value = row[column.name]
        if value is None or column.minimum is None and not column.categories:
            continue
        if column.type == "number" and column.minimum is not None and column.maximum is not None:
            if not column.minimum <= float(value) <= column.maximum:
                found.append(f"{column.name} = {number_text(float(value))}")
        elif column.n_categories <= len(column.categories) and value not in column.categories:
            found.append(f"{column.name} = {value}")
    return found


def _say_what_is_unusual(columns: list[InputColumn], row: dict[str, Any]) -> None:
    found = unusual(columns, row)
    if found:
        shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        st.caption(
            f":material/warning: Training saw nothing like {messages.plain(shown)}; the answer is a guess there."
        )


def _start_from(columns: list[InputColumn], background: pl.DataFrame, prefix: str) -> None:
    if background.is_empty():
        return
    n_rows = min(background.height, EXAMPLES)

    def fill() -> None:
        chosen = st.session_state[f"{prefix}.start"]
        values = None if chosen is None else background.row(chosen, named=True)
        for position, column in enumerate(columns):
            value = typical(column) if values is None else values.get(column.name)
            st.session_state[f"{prefix}.{position}"] = stored(column, value)

    st.selectbox(
        "Start from",
        [None, *range(n_rows)],
        format_func=lambda i: "Typical values" if i is None else f"Example row {i + 1}: {_summary(background, i)}",
        key=f"{prefix}.start",
        on_change=fill,
        help=f"Fills the form: the median or most frequent value of each column, or one of {n_rows} training rows.",
    )


def _summary(background: pl.DataFrame, row: int) -> str:
    values = [_written(value) for value in background.row(row)[:4]]
    return ", ".join(values) + (", …" if background.width > 4 else "")


def _written(value: Any) -> str:
    if value is None or value == MISSING or value != value:
        return "missing"
    if isinstance(value, bool):
        return str(value).lower()
    return number_text(float(value)) if isinstance(value, (int, float)) else str(value)
