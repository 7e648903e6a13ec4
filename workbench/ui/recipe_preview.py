"""What the recipe makes of a stated sample: before and after, with what changed marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from workbench.api.preparing import preview_recipe
from workbench.errors import WorkbenchError
from workbench.settings import current
from workbench.ui import checks, image_preview, messages, recipe_problems, words
from workbench.ui.recipe_problems import WHOLE, Found

if TYPE_CHECKING:
    import polars as pl
    from pandas.io.formats.style import Styler

    from workbench.data import Table
    from workbench.recipe import Preview, StepEffect
    from workbench.ui.drafts import Draft

SHOWN_ROWS = 100
SHOWN_COLUMNS = 60
NAMED_COLUMNS = 4
# Readable under light and dark text; Okabe and Ito's orange, green and vermilion.
_CHANGED = "background-color: rgba(230, 159, 0, 0.28)"
_NEW = "background-color: rgba(0, 158, 115, 0.20)"
_GONE = "background-color: rgba(213, 94, 0, 0.24)"


# The preview is looked at while the tenth card is edited. Without this rule it just scrolls away.
_STYLE = """<style>@media (min-width: 900px) {
    [data-testid="stColumn"]:has(> div .st-key-prepare-preview_place) > div {
        position: sticky; top: 3.75rem; height: fit-content; flex: none;
    }
}</style>"""


@dataclass(frozen=True)
class Computed:
    """The preview of the steps that work, and the problems of those that don't."""

    preview: Preview | None
    problems: Found

    def effects(self) -> dict[int, StepEffect]:
        """Give what each step did, by its place in the recipe."""
        return {} if self.preview is None else {effect.step_index: effect for effect in self.preview.effects}

    def working(self, draft: Draft) -> Draft:
        """Give the draft without what its steps can't take, so that a problem is told once and not on every picture."""
        return draft.changed(recipe=self.problems.without(draft.recipe)) if self.problems.by_step else draft


def beside() -> Any:
    """Open the place of the preview; where there is room, it stays in view while the recipe is scrolled."""
    st.html(_STYLE)
    return st.container(key="prepare.preview_place")


def compute(table: Table, draft: Draft) -> Computed:
    """Preview the recipe; steps that can't take their columns are passed over."""
    what = f"{table.digest} {draft.target} {draft.task} {current().preview_rows} {draft.recipe!r}"
    return _cached(what, table, draft)


@st.cache_resource(max_entries=32, show_spinner="Fitting the recipe on the sample …")
def _cached(key: str, _table: Table, _draft: Draft) -> Computed:
    # Loaded before the clock runs: seconds that no step should be charged for.
    import sklearn.decomposition
    import sklearn.feature_selection
    import sklearn.impute
    import sklearn.preprocessing  # noqa: F401

    steps, target = _draft.recipe, _draft.target_name
    found = recipe_problems.look(_table, steps, target)
    for _ in range(2 * len(steps) + 1):
        try:
            return Computed(preview_recipe(_table, found.without(steps), target=target), found)
        except WorkbenchError as problem:
            if not recipe_problems.note(found, problem, steps):
                break
    return Computed(None, found)


def draw(table: Table, draft: Draft, computed: Computed) -> None:
    """Draw the preview, or the message with its remedy."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Preview", anchor=False, width="content")
        side = st.segmented_control(
            "Show",
            ["Before", "After"],
            default="After",
            key="prepare.side",
            required=True,
            wrap=True,
            label_visibility="collapsed",
        )
    preview, problems = computed.preview, computed.problems
    if problems.whole is not None:
        messages.error(problems.whole)
        checks.offer_suggestion(table, draft, key="prepare.use_suggested")
    if preview is None:
        return
    if skipped := sorted(place + 1 for place in problems.by_step if place != WHOLE):
        numbers = ", ".join(map(str, skipped))
        which, has, its = ("step", "has a problem", "it") if len(skipped) == 1 else ("steps", "have a problem", "they")
        st.caption(f":material/warning: Without what {which} {numbers} can't take: {its} {has}, see the card.")
    shown = preview.after if side == "After" else preview.before
    image_preview.draw(shown, draft.recipe, after=side == "After")
    _table(preview, draft.target_name, after=side == "After")


def _table(preview: Preview, target: str, *, after: bool) -> None:
    frame = preview.after if after else preview.before
    positions = (preview.positions if after else preview.before_positions)[:SHOWN_ROWS]
    shown = min(SHOWN_ROWS, frame.height)
    columns = f", {SHOWN_COLUMNS} of {frame.width:,} columns" if frame.width > SHOWN_COLUMNS else ""
    long = (
        ", few since its texts are long" if preview.n_rows < min(current().preview_rows, preview.n_rows_total) else ""
    )
    st.caption(
        f"{shown:,} of {words.plural(frame.height, 'row')}{columns}. The recipe was fitted on a sample of "
        f"{preview.n_rows:,} of {words.plural(preview.n_rows_total, 'row')}{long}; a run fits it on its training rows."
    )
    part = frame.head(SHOWN_ROWS).select(frame.columns[:SHOWN_COLUMNS])
    part = part.drop(image_preview.image_names(part))  # drawn above; a cell of a table can't show bytes
    if not part.width:
        return
    styles = _styles_after(preview, part) if after else _styles_before(preview, part)
    side = "after" if after else "before"
    st.dataframe(
        _marked(part, styles, positions),
        key=f"prepare.preview.{side}",
        height=480,
        placeholder="–",  # a missing value
        alt=f"The sample {side} the recipe",
        column_config={target: st.column_config.Column(f"{target} (target)")} if target in part.columns else None,
    )
    st.caption(_legend_after(preview) if after else _legend_before(preview))


def _styles_after(preview: Preview, part: pl.DataFrame) -> np.ndarray:
    changed = preview.changed.head(part.height).select(part.columns).to_numpy()
    styles = np.where(changed, _CHANGED, "").astype(object)
    new = [name not in preview.before.columns for name in part.columns]
    styles[:, new] = _NEW
    return styles


def _styles_before(preview: Preview, part: pl.DataFrame) -> np.ndarray:
    styles = np.full((part.height, part.width), "", dtype=object)
    styles[_dropped(preview)[: part.height], :] = _GONE
    styles[:, [name not in preview.after.columns for name in part.columns]] = _GONE
    return styles


def _dropped(preview: Preview) -> np.ndarray:
    return np.asarray(~np.isin(preview.before_positions, preview.positions))


def _legend_after(preview: Preview) -> str:
    new = [name for name in preview.after.columns if name not in preview.before.columns]
    said = ["Changed cells are :orange-background[marked orange]"]
    if new:
        said.append(f"{words.plural(len(new), 'new column')} :green-background[green] ({_listed(new)})")
    return f"{', '.join(said)}; the numbers at the left are the table's rows."


def _legend_before(preview: Preview) -> str:
    n_rows = int(_dropped(preview).sum())
    gone = [name for name in preview.before.columns if name not in preview.after.columns]
    parts = [words.plural(n_rows, "row")] if n_rows else []
    if gone:
        parts.append(f"{words.plural(len(gone), 'column')} ({_listed(gone)})")
    if not parts:
        return "All of these rows and columns stay; the numbers at the left are the table's rows."
    return (
        f"What the recipe drops or replaces is :red-background[marked red]: {' and '.join(parts)}; "
        "the numbers at the left are the table's rows."
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(messages.plain(name) for name in names[:NAMED_COLUMNS])
    return shown + (" …" if len(names) > NAMED_COLUMNS else "")


def _marked(part: pl.DataFrame, styles: np.ndarray, positions: np.ndarray) -> Styler:
    data = part.to_pandas().set_axis(positions, axis=0)
    marks = pd.DataFrame(styles, index=data.index, columns=data.columns)
    return data.style.apply(lambda _: marks, axis=None).format(_written)


def _written(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        return "image"
    return words.number(value) if isinstance(value, (int, float)) else str(value)
