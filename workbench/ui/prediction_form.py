"""A form from a model's signature: one widget for each column, with what training saw, and missing everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import streamlit as st

from workbench.data.zones import wall_clock_seconds, zone_label
from workbench.explain.wording import number_text, value_text
from workbench.package.moments import seconds_of, written
from workbench.ui import messages

if TYPE_CHECKING:
    from workbench.package import InputColumn, Signature

MISSING = ""
FIRST_COLUMNS = 12
MANY_COLUMNS = 20
MANY_CATEGORIES = 100
EXAMPLES = 50
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)  # of a calendar, unless training saw more
LINE_CHARS = 60  # of a value in a list of choices


def draw(
    signature: Signature, background: pl.DataFrame, *, prefix: str, most_important: Sequence[str] = ()
) -> dict[str, Any]:
    """Draw the form and give the row that it describes; None stands for a missing value.

    Parameters
    ----------
    signature : Signature
    background : DataFrame
        Training rows to start from.
    prefix : str
        Of the widgets' keys; another model needs another one.
    most_important : sequence of str
        Columns by importance, as far as it is known: where there are many columns, the first ones stand above the
        others.
    """
    columns = signature.columns
    _start_from(columns, background, prefix)
    above = first_columns(signature.column_names, most_important)
    numbered = list(enumerate(columns))
    letters = {column.name for column in columns if holds_letters(column, background)}
    row = _widgets([pair for pair in numbered if pair[1].name in above], prefix, letters)
    below = [pair for pair in numbered if pair[1].name not in above]
    if below:
        known = "less important" if most_important else "more"
        with st.expander(f"{len(below)} {known} columns", icon=":material/unfold_more:", key=f"{prefix}.more"):
            row |= _widgets(below, prefix, letters)
    _say_what_is_unusual(columns, row)
    return {column.name: row[column.name] for column in columns}


def first_columns(names: Sequence[str], most_important: Sequence[str]) -> set[str]:
    """Choose the columns that are shown at once: all where there are few, else the most important ones."""
    if len(names) <= MANY_COLUMNS:
        return set(names)
    ranked = [name for name in dict.fromkeys(most_important) if name in set(names)]
    return set([*ranked, *(name for name in names if name not in set(ranked))][:FIRST_COLUMNS])


def holds_letters(column: InputColumn, background: pl.DataFrame) -> bool:
    """Say whether a column's texts are long: prices with a unit are free text, too, but fit into a line."""
    if not column.is_free_text or column.name not in background.columns:
        return False
    chars = background[column.name].cast(pl.String).str.len_chars().quantile(0.9)
    return chars is not None and chars > LINE_CHARS / 2


def _widgets(columns: list[tuple[int, InputColumn]], prefix: str, letters: set[str]) -> dict[str, Any]:
    # Letters, and days with a time, need the whole width, and would leave holes in the grid.
    wide = {column.name for _, column in columns if column.type == "datetime" and not column.date_only} | letters
    row = {}
    with st.grid("auto", min_column_width=170):
        for position, column in columns:
            if column.name not in wide:
                row[column.name] = widget(column, key=f"{prefix}.{position}")
    for position, column in columns:
        if column.name in wide:
            row[column.name] = widget(column, key=f"{prefix}.{position}", lines=column.name in letters)
    return row


def widget(column: InputColumn, *, key: str, lines: bool = False) -> Any:
    """Draw the widget of one column, for text with several lines, and give its value as the model takes it."""
    st.session_state.setdefault(key, stored(column, typical(column)))
    label = messages.plain(column.name)
    same: dict[str, Any] = {"key": key, "help": describe(column), "persist_state": "session"}
    if column.type == "datetime":
        return _moment_widget(column, label, same)
    if lines:
        return st.text_area(label, placeholder="missing", height=100, **same) or None
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


def _moment_widget(column: InputColumn, label: str, same: dict[str, Any]) -> str | None:
    if not counts_minutes(column):
        return st.text_input(label, placeholder="missing", **same) or None
    first, last = calendar(column)
    if column.date_only:
        chosen = st.date_input(label, value=None, min_value=first, max_value=last, format="YYYY-MM-DD", **same)
        return written(chosen, date_only=True)
    limits: dict[str, Any] = {"min_value": first, "max_value": datetime(last.year, last.month, last.day, 23, 59)}
    return written(st.datetime_input(label, value=None, format="YYYY-MM-DD", **limits, **same))


def counts_minutes(column: InputColumn) -> bool:
    """Say whether training saw whole minutes only: the calendar's widget can't hold seconds, text can."""
    known = [value for value in (column.minimum, column.example, column.maximum) if value is not None]
    return all((seconds_of(value, column.zone) or 0.0) % 60 == 0 for value in known)


def calendar(column: InputColumn) -> tuple[date, date]:
    """Give the first and last day that a calendar offers."""
    if column.bounds is None:
        return FIRST_DAY, LAST_DAY
    low, high = (_moment(seconds, column.zone).date() for seconds in column.bounds)
    return min(FIRST_DAY, low), max(LAST_DAY, high)


def _moment(seconds: float, zone: str | None) -> datetime:
    """Give what the clocks of a column's zone show, or the time in UTC."""
    if zone:
        seconds = float(wall_clock_seconds(np.array([seconds]), zone)[0])
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).replace(tzinfo=None)


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
    if column.type == "datetime":
        return _stored_moment(column, value)
    return MISSING if value is None else str(value)


def _stored_moment(column: InputColumn, value: Any) -> Any:
    if not counts_minutes(column):
        return written(value, zone=column.zone) or MISSING
    seconds = None if value is None else seconds_of(value, column.zone)
    if seconds is None or seconds != seconds:
        return None
    moment = _moment(seconds, column.zone)
    first, last = calendar(column)
    moment = min(max(moment, datetime(first.year, first.month, first.day)), datetime(last.year, last.month, last.day))
    return moment.date() if column.date_only else moment.replace(second=0, microsecond=0)


def describe(column: InputColumn) -> str:
    """Say in a sentence what training saw in a column."""
    share = f" {column.n_missing_share:.0%} missing." if column.n_missing_share >= 0.005 else ""
    if column.type == "datetime":
        if column.bounds is None:
            return f"Training saw no value.{share}"
        form = "" if counts_minutes(column) else " Write it as 2024-12-31 23:59:59."
        zone = f" As clocks show it in {zone_label(column.zone)}." if column.zone else " In UTC."
        zone = "" if column.date_only and not column.zone else zone
        return f"Training saw {column.minimum} to {column.maximum}.{share}{zone}{form} Empty means missing."
    if column.type == "number" and column.bounds is not None:
        low, high, middle = (number_text(v) for v in (*column.bounds, column.median or 0.0))
        return f"Training saw {low} to {high}, median {middle}.{share} Empty means missing."
    if column.categories:
        text = ", ".join(value_text(category) for category in column.categories[:5])
        more = f" and {column.n_categories - 5:,} more" if column.n_categories > 5 else ""
        return messages.plain(f"Training saw {text}{more}.{share} Type any other value, or leave it missing.")
    if column.n_categories:
        return f"Training saw {column.n_categories:,} different texts.{share} Empty means missing."
    return f"Training saw no value.{share}"


def step_of(column: InputColumn) -> tuple[float, int]:
    """Choose the step of a number's buttons and the digits that are shown: about a fiftieth of the usual range."""
    if column.q05 is None or column.q95 is None or column.bounds is None:
        return 1.0, 2
    low, high = column.bounds
    span = (column.q95 - column.q05) or (high - low) or abs(high) or 1.0
    power = math.floor(math.log10(span / 20))
    if column.integer:
        return float(max(1, 10**power if power > 0 else 1)), 0
    return float(10.0**power), min(max(1 - power, 0), 8)


def unusual(columns: list[InputColumn], row: dict[str, Any]) -> list[str]:
    """Name the values that training didn't see."""
    found = []
    for column in columns:
        value = row[column.name]
        if value is None or column.bounds is None and not column.categories:
            continue
        if column.bounds is not None:
            number = seconds_of(value, column.zone) if column.type == "datetime" else float(value)
            if number is not None and not column.bounds[0] <= number <= column.bounds[1]:
                said = value if column.type == "datetime" else number_text(number)
                found.append(f"{column.name} = {said}")
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
        placeholder="Typical values",
        on_change=fill,
        help=f"Fills the form: the median or most frequent value of each column, or one of {n_rows} training rows.",
    )


def _summary(background: pl.DataFrame, row: int) -> str:
    values = [_written(value) for value in background.row(row)[:4]]
    return ", ".join(values) + (", …" if background.width > 4 else "")


def _written(value: Any) -> str:
    text = value_text(value)
    return text if len(text) <= LINE_CHARS else f"{text[:LINE_CHARS]}…"
