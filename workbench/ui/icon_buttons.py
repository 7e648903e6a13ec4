"""Buttons that show an icon only, and still have a name: for screen readers the icon's own name would say nothing."""

from __future__ import annotations

from typing import Any

import streamlit as st

# The label is there for whoever listens, and takes no place for whoever looks. Without this rule it is simply shown.
_STYLE = """<style>[class*="st-key-icon-only"] button [data-testid="stMarkdownContainer"] {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}</style>"""


def style() -> None:
    """Put the rule that hides the labels on the page; once, before the first of these buttons."""
    st.html(_STYLE)


def row(name: str) -> Any:
    """Open a container for such buttons; only inside one are the labels hidden."""
    return st.container(
        horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall", width="content", key=f"icon-only.{name}"
    )


def icon_button(label: str, icon: str, **options: Any) -> bool:
    """Draw a button with an icon, and a label that is its name and its tooltip."""
    return st.button(label, icon=f":material/{icon}:", type="tertiary", **{"help": label, **options})
