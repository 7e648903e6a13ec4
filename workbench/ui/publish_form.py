"""Publish the open run as the next version of a model."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import messages, state, words

if TYPE_CHECKING:
    from workbench.training.run import Run

NAME_RULE = (r"[a-z0-9][a-z0-9_\-]{0,63}", "1 to 64 of a-z, 0-9, - and _, starting with a letter or digit")


def draw(run: Run | None) -> None:
    """Draw the form for a run that has made a model; nothing for none."""
    if run is None:
        return
    if not (run.package_folder / "manifest.json").is_file():
        st.caption(f"Run {messages.plain(run.id)} is {run.status}: it has no model to publish.")
        return
    with st.container(border=True, key="models.publish"):
        st.markdown(f"**Publish run {messages.plain(run.id)}**")
        name, note, submit = st.columns([4, 4, 3], vertical_alignment="bottom")
        chosen = name.text_input(
            "Name of the model",
            value=suggested_name(run),
            key=f"models.name.{run.id}",
            validate=NAME_RULE,
            help="An existing name gets another version; a new name starts at version 1, which is live at once.",
        )
        said = note.text_input("Note", key=f"models.note.{run.id}", help="Stands in the history beside the version.")
        label, means = _what_happens((chosen or "").strip())
        clicked = submit.button(
            label, key="models.publish_now", type="primary", icon=":material/publish:", width="stretch", help=means
        )
        st.caption(means)
        if not clicked:
            return
    with messages.shown():
        _publish(run, chosen or "", said or "")


def _what_happens(name: str) -> tuple[str, str]:
    """Say what publishing under a name does: the first version of a model answers requests at once."""
    from workbench import registry

    found = []
    with suppress(WorkbenchError):  # none of that name, or a name that publishing refuses
        found = registry.versions(name)
    live = next((version for version in found if registry.CHAMPION in version.aliases), None)
    if live is None:
        which = f"{name} has no live version: this one" if found else "A new model: its first version"
        return "Publish and make live", f"{which} answers requests at once."
    n_versions = words.plural(len(found), "version")
    return "Publish a version", f"{name} has {n_versions}. v{live.number} goes on answering until you promote another."


def suggested_name(run: Run) -> str:
    """Suggest the name of the model that the run's table and target are about."""
    from workbench.registry import suggest_name_of

    return suggest_name_of(run.spec)


def _publish(run: Run, name: str, note: str) -> None:
    from workbench import registry

    version = registry.publish(run, name.strip(), note=note.strip())
    live = "It is live." if "champion" in version.aliases else "It isn't live yet: promote it below."
    st.toast(f"{run.id} is now {version.name} v{version.number}. {live}", icon=":material/check_circle:")
    state.show(model=version.reference)
    st.session_state["models.fresh"] = version.reference
    st.rerun()
