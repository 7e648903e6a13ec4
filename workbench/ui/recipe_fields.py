"""The fields of a step as a form, drawn from what the step says of them, so that a new step needs no code here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st

from workbench.errors import RecipeError
from workbench.recipe.spec import TakenKind
from workbench.ui.forms import bound

NOT_FIELDS = ("step", "enabled")
# Where the word in a RunSpec isn't what one would say.
_WORDS = {
    ".": "point (1.5)",
    ",": "comma (1,5)",
    "iqr": "quartiles (Tukey's fence)",
    "quantile": "quantiles",
    "yeo_johnson": "Yeo-Johnson",
    "f_test": "F test",
    "boolean": "yes/no",
    "uniform": "even",
    "normal": "bell (normal)",
    "remove_html": "remove HTML",
    "remove_urls": "remove web addresses",
    "seconds_since_1970": "seconds since 1970",
}
_WIDE = ("columns", "names", "expression", "operations", "parts")


@dataclass(frozen=True)
class Form:
    """What a step's fields are drawn with.

    Parameters
    ----------
    kind : type of step
    values : mapping
        What each field holds now; a field that isn't named holds its default.
    save : callable
        Stores one field's new value; a `WorkbenchError` of it is shown above the form.
    key : callable
        Gives the widget key of a field.
    columns : sequence of str
        The columns that may be chosen.
    known : mapping of str to str
        All columns at the step's place, with their types: an expression may name any.
    """

    kind: Any
    values: Mapping[str, Any]
    save: Callable[[str, Any], object]
    key: Callable[[str], str]
    columns: Sequence[str]
    known: Mapping[str, str]

    def value(self, name: str) -> Any:
        """Give what a field holds; None for one that has nothing yet."""
        if name in self.values:
            return self.values[name]
        field = self.kind.model_fields[name]
        return None if field.is_required() else field.get_default(call_default_factory=True)


def draw(form: Form) -> None:
    """Draw all fields that count, in their order; narrow ones side by side."""
    names = [name for name in form.kind.model_fields if name not in NOT_FIELDS and counts(form, name)]
    for is_wide, group in groupby(names, key=lambda name: name in _WIDE):
        if is_wide:
            for name in group:
                _field(form, name)
        else:
            with st.grid(2, min_column_width=170, vertical_alignment="bottom"):
                for name in group:
                    _field(form, name)


def counts(form: Form, name: str) -> bool:
    """Say whether a field counts for what is chosen in the others."""
    extra = form.kind.model_fields[name].json_schema_extra
    when = extra.get("when") if isinstance(extra, dict) else None
    if not isinstance(when, dict):
        return True
    return all(
        form.value(other) in (wanted if isinstance(wanted, list) else [wanted]) for other, wanted in when.items()
    )


def word(option: Any) -> str:
    """Write an option of a closed set as one would say it.

    Examples
    --------
    >>> word("most_frequent"), word("f_test"), word(True)
    ('most frequent', 'F test', 'yes')
    """
    if isinstance(option, bool):
        return "yes" if option else "no"
    return _WORDS.get(str(option), str(option).replace("_", " "))


def takes_words(takes: frozenset[TakenKind]) -> str:
    """Say which kinds of columns a step takes; nothing when it takes all.

    Examples
    --------
    >>> takes_words(frozenset({"number", "boolean"}))
    'numbers and yes/no'
    """
    names = {"number": "numbers", "text": "text", "boolean": "yes/no", "datetime": "dates", "image": "images"}
    said = [words for kind, words in names.items() if kind in takes]
    if len(said) == len(names):
        return ""
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _field(form: Form, name: str) -> None:
    field = form.kind.model_fields[name]
    annotation, optional = _unwrapped(field.annotation)
    label, text = field.title or name.replace("_", " ").capitalize(), field.description
    if name == "columns":
        _columns(form, label, text, optional)
    elif name == "expression":
        from workbench.ui import recipe_expression

        recipe_expression.draw(form, label, text or "")
    elif get_origin(annotation) is dict:
        _names(form, name, label, text)
    elif get_origin(annotation) is Literal:
        options = list(get_args(annotation))
        st.selectbox(label, options, help=text, format_func=word, placeholder="Choose", **_tie(form, name))
    elif get_origin(annotation) is tuple:
        _several(form, name, label, text, get_args(annotation)[0])
    elif annotation is bool:
        st.toggle(label, help=text, **_tie(form, name))
    elif annotation in (int, float):
        _number(form, name, label, text, annotation, optional)
    else:
        _text(form, name, label, text, annotation)


def _tie(form: Form, name: str, to_widget: Callable[[Any], Any] = lambda value: value, **parts: Any) -> dict[str, Any]:
    read = parts.get("read", lambda value: value)
    return bound(form.key(name), to_widget(form.value(name)), lambda value: form.save(name, read(value)))


def _unwrapped(annotation: Any) -> tuple[Any, bool]:
    """Take ``| None`` and metadata off a type; whether there was a None."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    rest = [part for part in parts if part is not type(None)]
    return (rest[0] if len(rest) == 1 else annotation), len(rest) < len(parts)


def _columns(form: Form, label: str, text: str | None, optional: bool) -> None:
    chosen = list(form.value("columns") or ())
    options = [*form.columns, *(name for name in chosen if name not in form.columns)]
    takes = takes_words(form.kind.takes)
    help_text = f"{text or ''} Takes {takes}: {len(form.columns):,} of the columns." if takes else text
    st.multiselect(
        label,
        options,
        help=help_text,
        placeholder="All columns" if optional else "Choose columns",
        **_tie(form, "columns", lambda names: list(names or ()), read=lambda names: tuple(names) or None),
    )


def _names(form: Form, name: str, label: str, text: str | None) -> None:
    """Draw a small editor: which columns, and for each its word."""
    now: dict[str, str] = dict(form.value(name) or {})
    options = [*form.columns, *(column for column in now if column not in form.columns)]
    st.multiselect(
        "Columns",
        options,
        help=text,
        placeholder="Choose columns",
        **bound(
            form.key(name),
            list(now),
            lambda chosen: form.save(name, {column: now.get(column, column) for column in chosen}),
        ),
    )
    for column, given in now.items():
        st.text_input(f"New name of {column}", max_chars=200, **_renamed(form, name, column, given, now))


def _renamed(form: Form, name: str, column: str, given: str, now: Mapping[str, str]) -> dict[str, Any]:
    return bound(
        form.key(f"{name}.{column}"), given, lambda new: form.save(name, {**now, column: str(new).strip() or column})
    )


def _several(form: Form, name: str, label: str, text: str | None, inner: Any) -> None:
    if get_origin(inner) is Literal:
        options = list(get_args(inner))
        st.multiselect(
            label, options, help=text, format_func=word, **_tie(form, name, lambda value: list(value or ()), read=tuple)
        )
        return
    written = {int: "whole numbers", float: "numbers"}.get(inner, "words")
    st.text_input(
        label,
        help=f"{text or ''} Separate {written} by spaces or semicolons.".strip(),
        **_tie(
            form,
            name,
            lambda value: "; ".join(f"{entry:g}" if isinstance(entry, float) else str(entry) for entry in value or ()),
            read=lambda value: _parsed(value, inner, label),
        ),
    )


def _parsed(text: str, inner: Any, label: str) -> tuple[Any, ...] | None:
    try:
        return tuple(inner(part) for part in text.replace(";", " ").split()) or None
    except ValueError:
        raise RecipeError(
            f"Got {text!r} as {label.lower()}, needed numbers with spaces between them. Write them like 0 10 20.5."
        ) from None


def _number(form: Form, name: str, label: str, text: str | None, type_: type, optional: bool) -> None:
    low, high = _limits(form.kind.model_fields[name].metadata, type_)
    small = high is not None and high <= 1
    st.number_input(
        label,
        low,
        high,
        step=1 if type_ is int else 0.01 if small else 0.1,
        format="%d" if type_ is int else "%g",
        help=text,
        placeholder="chosen for you" if optional else None,
        **_tie(form, name, lambda value: None if value is None else type_(value)),
    )


def _limits(metadata: Sequence[Any], type_: type) -> tuple[Any, Any]:
    """Give the limits as the widget takes them: inclusive; pydantic refuses the edge of an exclusive one."""
    low = high = None
    for entry in metadata:
        for limit, off in (("ge", 0), ("gt", 1)):
            if getattr(entry, limit, None) is not None:
                low = type_(getattr(entry, limit)) + (off if type_ is int else 0)
        for limit, off in (("le", 0), ("lt", 1)):
            if getattr(entry, limit, None) is not None:
                high = type_(getattr(entry, limit)) - (off if type_ is int else 0)
    return low, high


def _text(form: Form, name: str, label: str, text: str | None, annotation: Any) -> None:
    mixed = get_origin(annotation) in (Union, UnionType)  # a number or a word
    st.text_input(
        label,
        help=text,
        **_tie(
            form,
            name,
            lambda value: "" if value is None else f"{value:g}" if isinstance(value, float) else str(value),
            read=lambda value: _number_or_word(value) if mixed else value.strip() or None,
        ),
    )


def _number_or_word(text: str) -> float | str | None:
    try:
        return float(text)
    except ValueError:
        return text.strip() or None
