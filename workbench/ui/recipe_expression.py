"""An expression, with what may stand in it one click away, and what is wrong with it below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import messages
from workbench.ui.forms import bound

if TYPE_CHECKING:
    from workbench.ui.recipe_fields import Form

SHOWN_NAMES = 100


def draw(form: Form, label: str, text: str) -> None:
    """Draw the field, its help, and its first mistake with the place."""
    value = str(form.value("expression") or "")
    st.text_area(
        label,
        height=80,
        max_chars=2_000,
        placeholder="age >= 18 and port == 'S'" if form.kind.family == "row" else "fare / (sibsp + parch + 1)",
        help=f"{text} Ctrl+Enter checks it.",
        **bound(form.key("expression"), value, lambda new: form.save("expression", new.strip() or None)),
    )
    if value and (problem := mistake(value, form)):
        messages.error(problem)
    with st.popover("Columns and functions", icon=":material/function:", type="tertiary", key=form.key("functions")):
        _help(form)


def mistake(expression: str, form: Form) -> WorkbenchError | None:
    """Give what is wrong with an expression, or None."""
    from workbench.recipe.expressions import check

    kinds = {name: type_ or "number" for name, type_ in form.known.items()}
    try:
        check(expression, kinds, condition=form.kind.family == "row")
    except WorkbenchError as problem:
        return problem
    return None


def _help(form: Form) -> None:
    from workbench.recipe.expressions import FUNCTIONS

    st.caption("Columns; one whose name isn't a plain word stands in backticks.")
    st.markdown(" ".join(_code(name) for name in list(form.known)[:SHOWN_NAMES]))
    if len(form.known) > SHOWN_NAMES:
        st.caption(f"{SHOWN_NAMES} of {len(form.known):,} columns.")
    st.caption("Operators")
    st.markdown(
        "`and` `or` `not` `==` `!=` `<` `<=` `>` `>=` `+` `-` `*` `/` `//` `%` `**` `in ('a', 'b')` `is missing`"
    )
    st.caption("Functions")
    entries = list(FUNCTIONS.values())
    st.table(
        {
            "Function": [f"{entry.name}{entry.arguments}" for entry in entries],
            "Gives": [entry.meaning for entry in entries],
        },
        border="horizontal",
        hide_index=True,
        height=300,
    )


def _code(name: str) -> str:
    if name.isidentifier():
        return f"`{name}`"
    quoted = name.replace("`", "``")
    return f"``` `{quoted}` ```"
