"""The model that a page asks: the open run's, or a published version; the demo model when nothing is open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl
import streamlit as st

from workbench.errors import StorageError, WorkbenchError
from workbench.ui import page, pages, state
from workbench.ui.state import Open

if TYPE_CHECKING:
    from workbench.package import Predictor
    from workbench.registry import Version
    from workbench.training.run import Run

DEMO = "titanic"


@dataclass(frozen=True)
class Subject:
    """A model with its package.

    Parameters
    ----------
    kind : {"run", "model"}
    id : str
        The run's id, or ``name/number``.
    label : str
        As it is shown.
    folder : Path
        The package.
    """

    kind: Literal["run", "model"]
    id: str
    label: str
    folder: Path


def open_demo() -> None:
    """Open the demo model where neither a run nor a model is open, so that the page works when it is opened first."""
    if state.opened("run") or state.opened("model"):
        return
    names = _published()
    if names:
        state.show(model=DEMO if DEMO in names else names[0])


def choose(opened: Open, *, key: str, purpose: str, prefer: Literal["run", "model"] = "run") -> Subject:
    """Give the model to ask; with a run and a version open, a switch; with none, the way to one, and the page ends.

    Parameters
    ----------
    key : str
        The page's key.
    purpose : str
        What the page shows, said where there is nothing to show.
    prefer : {"run", "model"}
        Which of the two comes first.
    """
    found: list[Subject] = []
    if opened.run is not None and (opened.run.package_folder / "signature.json").is_file():
        found.append(of_run(opened.run))
    if opened.model is not None:
        found.append(of_version(opened.model))
    if not found:
        _explain_missing(opened, key, purpose)
        st.stop()
    if len(found) == 1:
        return found[0]
    kinds = [subject.kind for subject in found]
    chosen = st.segmented_control(
        "Model",
        kinds,
        default=prefer,
        required=True,
        wrap=True,
        format_func=lambda kind: found[kinds.index(kind)].label,
        key=f"{key}.subject",
        persist_state="session",
        help="A run and a published model are open: which of them to ask.",
    )
    return found[kinds.index(chosen)] if chosen in kinds else found[0]


def of_run(run: Run) -> Subject:
    """Ask the model that a run made."""
    return Subject("run", run.id, f"run {run.id}", run.package_folder)


def of_version(version: Version) -> Subject:
    """Ask a published version."""
    return Subject("model", version.reference, f"model {version}", version.folder)


def predictor(subject: Subject) -> Predictor:
    """Load the model, ready to predict; kept in memory between runs of the script and shared by all readers.

    Raises
    ------
    WorkbenchError
        If the package is damaged.
    """
    folder = subject.folder.resolve()
    try:
        stamp = (folder / "manifest.json").stat().st_mtime_ns
    except OSError:
        stamp = 0
    return _load(str(folder), stamp)


@st.cache_resource(max_entries=8, show_spinner="Loading the model …")
def _load(folder: str, stamp: int) -> Predictor:  # the stamp is part of the key: a rebuilt package is another model
    from workbench.package import load_predictor

    return load_predictor(Path(folder))


@st.cache_data(max_entries=8, show_spinner=False)
def _background(folder: str, stamp: int) -> pl.DataFrame:
    path = Path(folder) / "background.parquet"
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StorageError(f"{path} can't be read ({error}). Restore the package.") from error


def background(subject: Subject) -> pl.DataFrame:
    """Give the training rows that the package carries (at most 200), raw columns only."""
    path = subject.folder.resolve() / "background.parquet"
    return _background(str(path.parent), path.stat().st_mtime_ns) if path.is_file() else pl.DataFrame()


def most_important(subject: Subject) -> list[str]:
    """Give the model's columns by importance, from the newest explanation that is there; none where there is none."""
    from workbench.explain.stored import stored_explanations

    for job in stored_explanations(subject.folder):
        if job.status == "finished":
            return _importance(str(job.folder.resolve()))
    return []


@st.cache_data(max_entries=32, show_spinner=False)
def _importance(folder: str) -> list[str]:  # a finished explanation never changes: its name is what was asked
    from workbench.explain import Explanation

    ranked: list[str] = Explanation.load(folder).importance()["column"].to_list()
    return ranked


def _explain_missing(opened: Open, key: str, purpose: str) -> None:
    run = opened.run
    names = _published()
    if run is not None:
        ended = run.state.has_ended
        text = f"Run {run.id} is {run.status}{'' if ended else '; its model is ready when it has finished'}. {purpose}"
        if page.empty("This run has no model", text, button="See the run", key=f"{key}.see_run"):
            pages.go("train")
        return
    text = f"{purpose} It needs a model: one that you trained, or a published one."
    if not names:
        if page.empty("No model yet", text, button="Train a model", key=f"{key}.train"):
            pages.go("train")
        return
    name = DEMO if DEMO in names else names[0]
    if page.empty("No model is open", text, button=f"Use the model {name}", key=f"{key}.use_demo"):
        state.close("run")
        state.show(model=name)
        st.rerun()


def _published() -> list[str]:
    from workbench import registry

    try:
        return registry.models()
    except WorkbenchError:
        return []
