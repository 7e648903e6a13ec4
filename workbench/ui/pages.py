"""The pages: which there are, in the order of the work, and how to get from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st

from workbench.ui import state

FOLDER = Path(__file__).resolve().parents[2] / "pages"


@dataclass(frozen=True)
class PageInfo:
    """One entry of the navigation."""

    title: str
    icon: str
    purpose: str
    group: str = ""


PAGES: dict[str, PageInfo] = {
    "home": PageInfo("Home", ":material/home:", "See what is here: hardware, recent runs and published models."),
    "data": PageInfo("Data", ":material/table_chart:", "Bring a table in and look at what it holds.", "Data"),
    "prepare": PageInfo(
        "Prepare", ":material/tune:", "Choose what to predict, and write the recipe that prepares the columns.", "Data"
    ),
    "train": PageInfo(
        "Train", ":material/model_training:", "Choose an estimator, start it, and watch it learn.", "Model"
    ),
    "evaluate": PageInfo(
        "Evaluate", ":material/query_stats:", "See how well a run predicts rows it has not seen.", "Model"
    ),
    "explain": PageInfo("Explain", ":material/lightbulb:", "See which columns push a prediction up or down.", "Model"),
    "predict": PageInfo(
        "Predict", ":material/psychology:", "Ask a model about one row or a whole file, and play what-if.", "Serve"
    ),
    "models": PageInfo(
        "Models",
        ":material/deployed_code:",
        "Publish versions, promote one, roll back, and call it over HTTP.",
        "Serve",
    ),
}


def path(key: str) -> Path:
    """Give the script of a page."""
    return FOLDER / f"{key}.py"


def sections() -> dict[str, list[st.Page]]:
    """Build the navigation's groups; Home stands above them."""
    groups: dict[str, list[st.Page]] = {}
    for key, info in PAGES.items():
        page = st.Page(
            path(key), title=info.title, icon=info.icon, help=info.purpose, default=key == "home", url_path=key
        )
        groups.setdefault(info.group, []).append(page)
    return groups


def link(key: str, label: str | None = None, *, icon: str | None = None, help: str | None = None) -> None:
    """Draw a link to a page that keeps what is open."""
    st.page_link(path(key), label=label or PAGES[key].title, icon=icon, help=help, query_params=state.address())


def go(key: str, *, table: str | None = None, run: str | None = None, model: str | None = None) -> NoReturn:
    """Switch to a page, opening what is named on the way."""
    state.show(table=table, run=run, model=model)
    st.switch_page(path(key), query_params=state.address())
