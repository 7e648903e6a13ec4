"""The line under each title that says what is open; each part is a link to its page and has a menu to switch it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import draft_names, draft_notice, pages, state, words
from workbench.ui.state import Open

SEPARATOR = ":gray[▸]"
MENU_LENGTH = 20


def draw(opened: Open) -> None:
    """Draw the line: table, recipe, run, model."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="open.line"):
        _part("table", "data", _table_label(opened), _table_choices)
        if opened.table is not None:
            st.markdown(SEPARATOR, width="content")
            with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", width="content"):
                pages.link("prepare", _recipe_label(opened))
                draft_notice.menu(opened.table)
        st.markdown(SEPARATOR, width="content")
        _part("run", "train", _run_label(opened), _run_choices)
        st.markdown(SEPARATOR, width="content")
        _part("model", "models", _model_label(opened), _model_choices)


def _part(name: str, page: str, label: str, choices: Callable[[], Sequence[tuple[str, str]]]) -> None:
    # A part and its menu stay side by side where the line wraps.
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", width="content"):
        pages.link(page, label)
        _menu(name, choices)


def _menu(name: str, choices: Callable[[], Sequence[tuple[str, str]]]) -> None:
    try:
        labels = words.distinct(choices())
    except WorkbenchError:  # a menu of what else could be opened isn't worth a message
        labels = {}
    others = [key for key in labels if key != state.opened(name)]
    if not others:
        return
    chosen = st.menu_button(
        "",
        others,
        key=f"open.switch.{name}",
        icon=":material/swap_horiz:",  # also names the button for a screen reader
        type="tertiary",
        format_func=lambda key: labels.get(key, key),
        help=f"Open another {name}",
    )
    if chosen:
        state.show(**{name: chosen})
        st.rerun()


def _table_label(opened: Open) -> str:
    table = opened.table
    return "no table" if table is None else f"{table.name} · {table.n_rows:,} rows"


def _recipe_label(opened: Open) -> str:
    draft = opened.draft
    if draft is None or not (draft.target or draft.finds):
        return f"no target{_draft_label()}"
    n_steps = sum(step.enabled for step in draft.recipe)
    what = draft.target or str(draft.task).replace("_", " ")
    label = f"{what} · {n_steps} step{'' if n_steps == 1 else 's'}" + _draft_label()
    run = opened.run
    if run is not None and (run.spec.recipe, run.spec.data.target) != (draft.recipe, draft.target_name):
        return f"{label} (the run has {sum(step.enabled for step in run.spec.recipe)})"
    return label


def _draft_label() -> str:
    name = draft_names.current()
    return f" · draft {name}" if name else ""


def _run_label(opened: Open) -> str:
    run = opened.run
    return "no run" if run is None else f"{run.id} · {run.status}"


def _model_label(opened: Open) -> str:
    version = opened.model
    if version is None:
        return "no model"
    aliases = f" ({', '.join(version.aliases)})" if version.aliases else ""
    return f"{version.name} v{version.number}{aliases}"


def _table_choices() -> list[tuple[str, str]]:
    from workbench.data import samples, tables

    stored = [
        (info.digest[:12], f"{info.name} · {info.n_rows:,} rows") for info in tables() if not info.origin.get("sample")
    ]
    return stored[:MENU_LENGTH] + [(info.name, f"{info.title} (sample)") for info in samples()]


def _run_choices() -> list[tuple[str, str]]:
    from workbench.training.listing import runs

    return [(run.id, f"{run.id} · {run.status}") for run in runs()[:MENU_LENGTH]]


def _model_choices() -> list[tuple[str, str]]:
    from workbench import registry

    return [(str(name), str(name)) for name in registry.models()[:MENU_LENGTH]]
