"""What is open: a table, a run, a model. It stands in the URL, so a reload or a second browser shows the same.

Session state keeps a copy only because Streamlit clears the query when another page is chosen in the navigation;
the URL wins whenever it says something.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.settings import current as current_settings
from workbench.ui import draft_names

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.spec import DataSpec
    from workbench.registry import Version
    from workbench.training.run import Run
    from workbench.ui.drafts import Draft

NAMES = ("table", "run", "model", "draft")
T = TypeVar("T")


def restore() -> None:
    """Bring URL and session together at the start of each run of the script."""
    wanted = st.query_params.get("draft")
    if wanted and not draft_names.NAME.fullmatch(wanted):
        close("draft")
        st.session_state["open.refused"] = wanted
    for name in NAMES:
        key = f"open.{name}"
        if st.query_params.get(name):
            st.session_state[key] = st.query_params[name]
        elif st.session_state.get(key):
            st.query_params[name] = st.session_state[key]


def show(
    *, table: str | None = None, run: str | None = None, model: str | None = None, draft: str | None = None
) -> None:
    """Open a table, a run, a model or a draft; what isn't named stays as it is.

    Another table closes the run and the draft of the last one.
    """
    if table and table != opened("table"):
        close("draft")
        if not run:
            close("run")
    if run and run != opened("run"):
        st.session_state["train.next_view"] = "watch"
    for name, value in (("table", table), ("run", run), ("model", model), ("draft", draft)):
        if value:
            st.session_state[f"open.{name}"] = value
            st.query_params[name] = value


def close(*names: str) -> None:
    """Close what is open under these names."""
    for name in names:
        st.session_state.pop(f"open.{name}", None)
        st.query_params.pop(name, None)


def opened(name: str) -> str | None:
    """Give the id that stands in the URL for `name`, or None."""
    value = st.session_state.get(f"open.{name}")
    return str(value) if value else None


def address() -> dict[str, str]:
    """Give the query that a link to another page carries."""
    return {name: value for name in NAMES if (value := opened(name))}


@dataclass
class Open:
    """What is open now, loaded once per run of the script. An id that leads nowhere gives None and a problem."""

    problems: list[WorkbenchError] = field(default_factory=list)
    _loaded: dict[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> Table | None:
        """The open table; with only a run open, the table of that run."""
        return self._load("table", self._open_table)

    @property
    def source(self) -> str | None:
        """How a RunSpec names the open table: a sample's name or the first 12 digits of the digest."""
        table = self.table
        return None if table is None else table.source

    @property
    def run(self) -> Run | None:
        """The open run."""
        return self._load("run", self._open_run)

    @property
    def run_table(self) -> Table | None:
        """The table that the open run learned from: row numbers of its report count there, and nowhere else.

        None where it is gone, which is no problem of the page.
        """
        if "run_table" not in self._loaded:
            self._loaded["run_table"] = None
            with suppress(WorkbenchError):
                if self.run is not None:
                    data = self.run.spec.opened_data
                    self._loaded["run_table"] = _table_of_run(data, str(current_settings().home.resolve()))
        found: Table | None = self._loaded["run_table"]
        return found

    @property
    def model(self) -> Version | None:
        """The open model version; a bare name means the champion."""
        return self._load("model", self._open_model)

    @property
    def draft(self) -> Draft | None:
        """The RunSpec being edited for the open table; it lives on disk and every browser sees it."""
        from workbench.ui import drafts

        table = self.table
        return None if table is None else self._load("draft", lambda: drafts.load(table))

    def _load(self, name: str, load: Callable[[], T | None]) -> T | None:
        if name not in self._loaded:
            try:
                self._loaded[name] = load()
            except WorkbenchError as problem:
                self._loaded[name] = None
                self.problems.append(problem)
        loaded: T | None = self._loaded[name]
        return loaded

    def _open_table(self) -> Table | None:
        table_id = opened("table")
        if table_id:
            return load_table(table_id)
        run = self.run
        return None if run is None else _table_of_run(run.spec.opened_data, str(current_settings().home.resolve()))

    def _open_run(self) -> Run | None:
        from workbench.training.listing import open_run

        run_id = opened("run")
        return open_run(run_id) if run_id else None

    def _open_model(self) -> Version | None:
        from workbench import registry

        reference = opened("model")
        return registry.resolve(reference) if reference else None


def load_table(source: str) -> Table:
    """Open a sample by its name or a stored table by its digest; kept in memory between runs of the script."""
    return _cached_table(source, str(current_settings().home.resolve()))


@st.cache_resource(max_entries=16, show_spinner=False)
def _cached_table(source: str, home: str) -> Table:
    from workbench.data import open_table, sample, samples

    if source in {info.name for info in samples()}:
        return sample(source)
    return open_table(source)


@st.cache_resource(max_entries=16, show_spinner=False)
def _table_of_run(data: DataSpec, home: str) -> Table:
    from workbench.data import resolve

    return resolve(data)  # may be a file's path, which an address must never be
