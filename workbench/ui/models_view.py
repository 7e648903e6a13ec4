"""The versions of a model: which is live since when, promote with the comparison, roll back, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import streamlit as st

from workbench import registry
from workbench.errors import WorkbenchError
from workbench.evaluation import metrics_for
from workbench.registry import CHAMPION
from workbench.ui import forms, messages, page, pages, state, words
from workbench.ui.model_history import live_since, moment, timezone

if TYPE_CHECKING:
    from workbench.registry import Version
    from workbench.training.run import Run

SAID = "models.said"
_MOMENT = "DD MMM YYYY, HH:mm"


def open_first() -> None:
    """Open the first model where none is open, so that the line above says which one the page shows."""
    if state.opened("model"):
        return
    with messages.shown():
        names = registry.models()
        if names:
            state.show(model=names[0])


def choose(opened: Version | None) -> str | None:
    """Draw the choice of a model; None where nothing is published."""
    names = registry.models()
    if not names:
        return None
    current = opened.name if opened is not None else names[0]
    if len(names) == 1:
        st.subheader(names[0], anchor=False)
        return names[0]
    chosen = st.selectbox(
        "Model", names, index=names.index(current) if current in names else 0, key=f"models.model.{current}", width=360
    )
    if opened is None or chosen != opened.name:
        state.show(model=chosen)
        if opened is not None:
            st.rerun()
    return chosen


def explain_empty(run: Run | None) -> None:
    """Say what the page shows, with the way there."""
    text = (
        "Published models stand here: their versions with metrics, which one is live, and how to call it over HTTP. "
        "A version is made from a finished run."
    )
    if run is not None:
        st.caption(f"{text} Publish the open run with the form above.")
    elif page.empty("Nothing is published yet", text, button="Train a model", key="models.train"):
        pages.go("train")


def versions_of(name: str) -> Version:
    """Draw the versions as a table; give the chosen one (the live one at first)."""
    with messages.shown(stop=True):
        found = registry.versions(name)
        since = live_since(name)
    event = st.dataframe(
        _version_frame(found, since),
        hide_index=True,
        height="content" if len(found) < 10 else 400,
        key=f"models.versions.{name}",
        on_select="rerun",
        selection_mode="single-row",
        placeholder="",
        alt=f"Versions of {name}, newest first",
        column_config={
            "published": st.column_config.DatetimeColumn(format=_MOMENT, timezone=timezone()),
            "live since": st.column_config.DatetimeColumn(format=_MOMENT, timezone=timezone()),
            "version": st.column_config.NumberColumn(width="small"),
            "engine": st.column_config.TextColumn(help="onnx: the graph answers; native: the library that trained it."),
            "difference": st.column_config.NumberColumn(
                format="scientific", help="Largest difference between graph and native model over the evaluation rows."
            ),
        },
    )
    rows = event.selection.rows
    if rows and rows[0] < len(found):
        return found[rows[0]]
    wanted = state.opened("model") or ""
    by_reference = {version.reference: version for version in found}
    live = next((version for version in found if CHAMPION in version.aliases), found[0])
    return by_reference.get(wanted, live)


def _version_frame(found: list[Version], since: dict[int, float]) -> pl.DataFrame:
    names = _metric_names(found)
    rows = [
        {
            "version": version.number,
            "live": " ".join(version.aliases),
            "live since": moment(since.get(version.number)) if CHAMPION in version.aliases else None,
            **{f"{title}, test": version.metrics.get("test", {}).get(name) for name, title in names[:4]},
            "engine": version.engine,
            "difference": version.max_difference,
            "published": moment(version.created),
        }
        for version in found
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _metric_names(found: list[Version]) -> list[tuple[str, str]]:
    measured = {name for version in found for name in version.metrics.get("test", {})}
    known = metrics_for("classification") | metrics_for("regression")
    return [(name, metric.title) for name, metric in known.items() if name in measured]


def actions(name: str, version: Version) -> None:
    """Draw what can be done with the chosen version: ask it, make it live, go back."""
    forms.show_problem()
    if said := st.session_state.pop(SAID, None):  # not in the callback: a dialog's callback must not draw
        st.toast(said, icon=":material/check_circle:")
    live = CHAMPION in version.aliases
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{messages.plain(name)} v{version.number}**", width="content")
        if live:
            st.badge("live", icon=":material/check_circle:", color="green")
        if st.button("Ask it", key="models.ask", icon=":material/psychology:"):
            pages.go("predict", model=version.reference)
        if st.button("Explain it", key="models.explain", icon=":material/lightbulb:"):
            state.close("run")
            pages.go("explain", model=version.reference)
        help_text = "This version is live already." if live else "Make this version answer; compares both first."
        if st.button(
            f"Promote v{version.number} …",
            key="models.promote",
            icon=":material/arrow_upward:",
            disabled=live,
            help=help_text,
        ):
            promote_dialog(name, version)
        before = version_before(name)
        if st.button(
            f"Roll back to v{before} …" if before else "Roll back …",
            key="models.rollback",
            icon=":material/undo:",
            disabled=before is None,
            help="Return to the version that was live before." if before else "No other version was live before.",
        ):
            rollback_dialog(name, before)
    st.caption("Choose a version in the table to act on it." if not live else "")


@st.dialog("Promote a version", width="medium", icon=":material/arrow_upward:")
def promote_dialog(name: str, version: Version) -> None:
    """Compare the candidate with the live version, and promote on confirmation."""
    live = _live(name)
    who = f"v{live.number}, which is live now" if live else "nothing: no version is live"
    st.markdown(f"**{messages.plain(name)} v{version.number}** against **{who}**, test split.")
    if live is not None:
        st.dataframe(_comparison(version, live), hide_index=True, height="content", alt="Metrics of both versions")
        st.caption("★ better. Both are as measured by their own run; compare runs of the same split.")
    note = st.text_input("Note", key="models.promote_note", placeholder="Why", help="Stands in the history.")
    st.button(
        f"Make v{version.number} live",
        key="models.promote_now",
        type="primary",
        on_click=_promote,
        args=(name, version.number, note),
    )
    if st.session_state.pop("models.done", None):
        st.rerun()


@st.dialog("Roll back", icon=":material/undo:")
def rollback_dialog(name: str, before: int | None) -> None:
    """Say what a rollback does, and do it on confirmation."""
    st.markdown(
        f"Requests to **{messages.plain(name)}** are answered by **v{before}** again from the next one on. "
        "Nothing is deleted; promote to come back."
    )
    st.button(f"Make v{before} live again", key="models.rollback_now", type="primary", on_click=_rollback, args=(name,))
    if st.session_state.pop("models.done", None):
        st.rerun()


def _promote(name: str, number: int, note: str) -> None:
    try:
        registry.promote(name, number, note=note.strip())
        state.show(model=f"{name}/{number}")
        st.session_state[SAID] = f"{name} v{number} is live."
    except WorkbenchError as problem:
        st.session_state[forms.PROBLEM] = str(problem)
    st.session_state["models.done"] = True


def _rollback(name: str) -> None:
    try:
        version = registry.rollback(name)
        state.show(model=version.reference)
        st.session_state[SAID] = f"{name} v{version.number} is live again."
    except WorkbenchError as problem:
        st.session_state[forms.PROBLEM] = str(problem)
    st.session_state["models.done"] = True


def _comparison(candidate: Version, live: Version) -> pl.DataFrame:
    new, old = candidate.metrics.get("test", {}), live.metrics.get("test", {})
    known = metrics_for("classification") | metrics_for("regression")
    rows = []
    for name, title in _metric_names([candidate, live]):
        a, b = new.get(name), old.get(name)
        better = 0 if a is None or b is None or a == b else 1 if (a > b) == (known[name].better == "higher") else -1
        rows.append(
            {
                "metric": title,
                f"v{candidate.number} (candidate)": words.number(a) + ("  ★" if better > 0 else ""),
                f"v{live.number} (live)": words.number(b) + ("  ★" if better < 0 else ""),
                "better": known[name].better,
            }
        )
    return pl.DataFrame(rows)


def _live(name: str) -> Version | None:
    return next((version for version in registry.versions(name) if CHAMPION in version.aliases), None)


def version_before(name: str) -> int | None:
    """Give the version that a rollback would make live, or None."""
    from workbench.registry.auditing import live_versions

    live = _live(name)
    if live is None:
        return None
    existing = {version.number for version in registry.versions(name)}
    earlier = live_versions(live.folder.parent, CHAMPION, live.number)[:-1]
    return next((number for number in reversed(earlier) if number in existing and number != live.number), None)
