"""Recipes under a name: saved, opened on another table, compared, and shared as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from workbench.recipe.matching import SchemaDiff, match
from workbench.recipe.saved import (
    SavedRecipe,
    compare_recipes,
    delete_recipe,
    open_recipe,
    read_recipe,
    recipe_to_json,
    recipe_to_yaml,
    recipes,
    save_recipe,
)
from workbench.ui import messages, target_form, words
from workbench.ui.recipe_changes import set_steps

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.ui.drafts import Draft

SHOWN = "prepare.library"
_UPLOADED = "prepare.library.uploaded"
_ACTIONS = {"save": "Save as …", "open": "Open …", "compare": "Compare …", "share": "Share …"}
_CHANGES = {"missing": "−", "other type": "≠", "new": "+", "same": ""}
_MARKS = {
    "missing": "background-color: rgba(213, 94, 0, 0.24)",
    "only in the first": "background-color: rgba(213, 94, 0, 0.24)",
    "other type": "background-color: rgba(230, 159, 0, 0.28)",
    "changed": "background-color: rgba(230, 159, 0, 0.28)",
    "new": "background-color: rgba(0, 158, 115, 0.20)",
    "only in the second": "background-color: rgba(0, 158, 115, 0.20)",
}


def draw(table: Table, draft: Draft) -> None:
    """Draw the menu, and what was chosen in it as a dialog."""
    chosen = st.menu_button(
        "Recipes",
        list(_ACTIONS),
        key="prepare.recipes",
        icon=":material/bookmarks:",
        format_func=_ACTIONS.__getitem__,
        help="Save this recipe under a name, open another, compare, share",
    )
    if chosen:
        st.session_state[SHOWN] = chosen
        st.session_state.pop(_UPLOADED, None)
    shown = st.session_state.get(SHOWN)
    if shown in _ACTIONS:
        views = {"save": _save, "open": _open, "compare": _compare, "share": _share}
        dialog = st.dialog(
            _ACTIONS[shown].removesuffix(" …"), width="large" if shown != "save" else "small", on_dismiss=close
        )
        dialog(views[shown])(table, draft)


def close() -> None:
    """Close the dialog."""
    st.session_state.pop(SHOWN, None)


def _save(table: Table, draft: Draft) -> None:
    if not draft.recipe:
        st.caption("There are no steps to save yet. Add some first.")
        return
    name = st.text_input("Name", key="prepare.library.name", max_chars=80, placeholder="Titanic, basics")
    note = st.text_input("Note", key="prepare.library.note", help="What it is for; shown in the list.")
    taken = {recipe.name for recipe in recipes()}
    replace = name.strip() in taken and st.checkbox(
        "Replace the saved recipe of that name", key="prepare.library.replace"
    )
    if st.button("Save", key="prepare.library.save", type="primary", disabled=not name.strip()):
        with messages.shown():
            saved = save_recipe(name, draft.recipe, table=table, target=draft.target, note=note, replace=replace)
            st.toast(f"Saved as {saved.name}", icon=":material/bookmark_added:")
            close()
            st.rerun()


def _open(table: Table, draft: Draft) -> None:
    found = recipes()
    if not found:
        st.caption("No recipe is saved yet. Save this one under a name, and it can be opened on every table.")
        return
    labels = {recipe.name: _label(recipe) for recipe in found}
    name = st.radio(
        "Saved recipes", list(labels), key="prepare.library.chosen", captions=list(labels.values()), index=0
    )
    recipe = next(recipe for recipe in found if recipe.name == name)
    _apply(table, draft, recipe)
    if st.button("Delete", key="prepare.library.delete", type="tertiary", icon=":material/delete:"):
        with messages.shown():
            delete_recipe(recipe.name)
            st.rerun(scope="fragment")


def _label(recipe: SavedRecipe) -> str:
    parts = [words.plural(len(recipe.steps), "step"), words.ago(recipe.saved)]
    if recipe.table:
        parts.append(f"made for {recipe.table}")
    return messages.plain(" · ".join([*parts, *([recipe.note] if recipe.note else [])]))


def _apply(table: Table, draft: Draft, recipe: SavedRecipe) -> None:
    """Show how the table differs from the one that the recipe was made for, and the button that applies it."""
    difference = match(recipe.steps, table.columns, recipe.columns)
    steps = _without_target(difference, draft)
    _difference(difference, table)
    label = "Use the adapted steps" if difference.blocking else "Use these steps"
    if st.button(label, key="prepare.library.use", type="primary", disabled=not steps):
        set_steps(table, steps)
        close()
        st.rerun()
    if not steps:
        st.caption("No step is left that this table's columns fit.")


def _without_target(difference: SchemaDiff, draft: Draft) -> tuple[object, ...]:
    return target_form.without(difference.adapted(), draft.target)


def _difference(difference: SchemaDiff, table: Table) -> None:
    frame = difference.frame()
    counts = dict(frame.group_by("change").len().iter_rows())
    if not difference.blocking:
        said = (
            f", which also has {words.plural(counts['new'], 'column')} that it didn't know" if counts.get("new") else ""
        )
        st.success(f"It fits {messages.plain(table.name)}{said}.", icon=":material/check_circle:")
    else:
        said = ", ".join(f"{counts[name]:,} {name}" for name in ("missing", "other type", "new") if counts.get(name))
        st.warning(
            "\n".join(f"- {messages.plain(change)}" for change in difference.changes) or "Look at the table below.",
            title=f"{messages.plain(table.name)} has other columns: {said}.",
            icon=":material/difference:",
        )
    shown = frame if frame.height <= 500 else frame.head(500)
    shown = shown.select(pl.col("change").replace_strict(_CHANGES, default="").alias(""), *frame.columns)
    with st.expander("Columns then and now", expanded=bool(difference.blocking), key="prepare.library.columns"):
        _marked(shown, alt="Columns of the table the recipe was made for, and of this one")


def _marked(frame: pl.DataFrame, *, alt: str) -> None:
    data = frame.to_pandas()
    styled = data.style.apply(lambda row: [_MARKS.get(row["change"], "")] * len(row), axis=1)
    st.dataframe(styled, hide_index=True, height="content" if frame.height < 12 else 400, alt=alt, placeholder="–")


def _compare(table: Table, draft: Draft) -> None:
    found = recipes()
    if not found:
        st.caption("No recipe is saved yet. Save this one, change it, and come back to see what changed.")
        return
    name = st.selectbox("With", [recipe.name for recipe in found], key="prepare.library.other")
    with messages.shown():
        frame = compare_recipes(open_recipe(name), draft.recipe)
        n_changes = frame.filter(pl.col("change") != "same").height
        st.caption(
            f"First: {messages.plain(name)}. Second: the recipe on this page. "
            + (f"{words.plural(n_changes, 'difference')}." if n_changes else "They are the same.")
        )
        _marked(frame, alt="The two recipes, step by step")


def _share(table: Table, draft: Draft) -> None:
    st.caption(
        "A recipe is a small text file without any of the data. Whoever opens it sees what it would change first."
    )
    with st.container(horizontal=True):
        for label, write, ending, mime in (
            ("YAML", recipe_to_yaml, "yaml", "application/yaml"),
            ("JSON", recipe_to_json, "json", "application/json"),
        ):
            st.download_button(
                f"Download {label}",
                write(_named(table, draft)),
                file_name=f"{table.name}-recipe.{ending}",
                mime=mime,
                key=f"prepare.library.{ending}",
                icon=":material/download:",
                on_click="ignore",
                disabled=not draft.recipe,
            )
    file = st.file_uploader(
        "Open a recipe file",
        type=["yaml", "yml", "json"],
        key="prepare.library.file",
        max_upload_size=1,
        help="A recipe that was downloaded here, or a whole RunSpec, as YAML or JSON.",
    )
    if file is not None:
        with messages.shown():
            recipe = read_recipe(file.getvalue(), name=file.name.rsplit(".", 1)[0])
            st.markdown(f"**{messages.plain(recipe.name)}** · {_label(recipe)}")
            _apply(table, draft, recipe)


def _named(table: Table, draft: Draft) -> SavedRecipe:
    from workbench.recipe.matching import types_of

    return SavedRecipe(
        name=f"{table.name} recipe",
        steps=draft.recipe,
        table=table.name,
        target=draft.target,
        columns=types_of(table.columns),
    )
