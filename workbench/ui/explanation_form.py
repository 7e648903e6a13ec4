"""What to explain: which rows, how many, by which engine; and starting it in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from workbench.explain.rows import EXPLAINED_ROWS
from workbench.ui import as_code, messages, page, subject, words

if TYPE_CHECKING:
    import polars as pl

    from workbench.explain import Engine, ExplanationJob
    from workbench.ui.state import Open
    from workbench.ui.subject import Subject

COUNTS = (50, 100, 200, 500)
ENGINES: dict[str, str] = {
    "auto": "chosen for the model",
    "tree": "tree: exact for forests and boosting",
    "linear": "linear: exact for linear models",
    "permutation": "permutation: any model, in probabilities",
    "gradient": "gradient: networks with many columns",
    "kernel": "kernel: any model, slow",
}


def draw(asked: Subject, opened: Open) -> ExplanationJob | None:
    """Draw the choices; give the explanation to show: the one just started, else the newest of this model."""
    sources, known = _sources(asked, opened), _job(asked)
    with st.container(horizontal=True, vertical_alignment="bottom", key="explain.controls"):
        source = st.selectbox(
            "Rows to explain",
            list(sources),
            key=f"explain.rows.{asked.id}",
            width=320,
            help="Explanations are about these rows; importance is their average.",
        )
        n_rows = st.segmented_control(
            "How many",
            COUNTS,
            default=EXPLAINED_ROWS,
            required=True,
            wrap=True,
            key="explain.n_rows",
            persist_state="session",
            help="More rows give a steadier picture and take longer; a random sample of them is taken.",
        )
        engine = st.selectbox(
            "Engine",
            list(ENGINES),
            format_func=lambda key: ENGINES[key],
            key="explain.engine",
            width=280,
            help="How the SHAP values are computed. The chosen one suits nearly always.",
        )
        st.button(
            "Explain",
            type="secondary" if known is None else "primary",  # else the empty state has the one primary button
            key="explain.start",
            icon=":material/play_arrow:",
            on_click=_start,
            args=(asked, opened, source, n_rows, engine),
        )
    problem = st.session_state.pop("explain.problem", None)
    if problem:
        messages.error(problem)
    return known


def explain_empty(asked: Subject, opened: Open) -> None:
    """Say what will stand here, with the one button."""
    text = (
        f"Which columns move the answers of {messages.plain(asked.label)}, how each one acts, and why one row got its "
        "answer: SHAP values in your own columns, computed in a process of their own."
    )
    if page.empty("Not explained yet", text, button=f"Explain {EXPLAINED_ROWS} rows", key="explain.first"):
        _start(asked, opened, next(iter(_sources(asked, opened))), EXPLAINED_ROWS, "auto")
        st.rerun()


TRAINING_ROWS = "Training rows that the model carries"


def _sources(asked: Subject, opened: Open) -> dict[str, str]:
    sources = {TRAINING_ROWS: "background"}
    if asked.kind == "run" and opened.run_table is not None:
        sources = {"Test rows of the run": "test", **sources}
    table = opened.table
    if table is not None:
        names = {column.name for column in table.columns}
        if set(subject.predictor(asked).signature.column_names) <= names:
            sources[f"Open table: {table.name}, {words.plural(table.n_rows, 'row')}"] = "table"
    return sources


def _start(asked: Subject, opened: Open, source: str, n_rows: int, engine: Engine) -> None:
    from workbench.errors import WorkbenchError
    from workbench.explain import start_explanation

    try:
        kind = _sources(asked, opened).get(source, "background")
        # Drawn as `run.explain` and `wb.explain_model` draw them, so that the page's code gives the page's numbers.
        kept = {"rows": kind, "n_rows": n_rows, "table": opened.source if kind == "table" else None}
        rows = _rows(asked, opened, kind, n_rows)
        job = start_explanation(asked.folder, rows, n_rows=n_rows, engine=engine, asked=kept)
    except WorkbenchError as problem:
        st.session_state["explain.problem"] = str(problem)
        return
    st.session_state[f"explain.job.{asked.id}"] = job.id


def _rows(asked: Subject, opened: Open, kind: str, n_rows: int) -> pl.DataFrame:
    if kind == "test" and opened.run is not None:
        return opened.run.unseen_rows(n_rows, seed=0)
    if kind == "table" and opened.table is not None:
        return opened.table.frame()
    return subject.background(asked)


def note_shown(job: ExplanationJob | None, asked: Subject, opened: Open) -> None:
    """Remember what the page shows, for "As code": the shown explanation, or what the button would compute."""
    from workbench.export import Explained

    request = job.request if job is not None else {}
    chosen = st.session_state.get(f"explain.rows.{asked.id}")
    kept = request.get("asked") or {
        "rows": _sources(asked, opened).get(str(chosen), "background"),
        "n_rows": st.session_state.get("explain.n_rows") or EXPLAINED_ROWS,
        "table": opened.source,
    }
    engine = request.get("engine") or st.session_state.get("explain.engine") or "auto"
    as_code.note("explain", subject=asked.kind, explained=Explained(**kept, engine=engine))


def _job(asked: Subject) -> ExplanationJob | None:
    from workbench.errors import ExplainError
    from workbench.explain import open_explanation
    from workbench.explain.stored import stored_explanations

    known = st.session_state.get(f"explain.job.{asked.id}")
    if known:
        try:
            return open_explanation(known)
        except ExplainError:
            st.session_state.pop(f"explain.job.{asked.id}")
    found = stored_explanations(asked.folder)
    return found[0] if found else None
