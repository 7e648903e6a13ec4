"""The "As code" popover: the Python that does what the page shows now, the RunSpec, and the notebook."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.export import as_code
from workbench.storage import read_json
from workbench.training.spec import RunSpec
from workbench.ui import messages, state
from workbench.ui.state import Open


def popover(opened: Open, page: str) -> None:
    """Draw the popover; with nothing open it shows how to begin.

    It is drawn again when it is opened: what a form on the page has changed since is in the code then.
    """
    with st.container(width="content"):  # a fragment takes a block of its own, as wide as there is room
        _popover(opened, page)


@st.fragment(key="as_code")
def _popover(opened: Open, page: str) -> None:
    with st.popover(
        "As code",
        icon=":material/code:",
        key=f"{page}.as_code",
        help="The Python and the RunSpec behind this page",
        on_change="rerun",
    ):
        st.caption("The code that does what this page shows. Copy with the button at the corner.")
        try:
            spec = _spec(opened)
        except WorkbenchError as problem:
            messages.error(problem)
            return
        st.code(_python(opened, spec, page), language="python", wrap_lines=False)
        if spec is not None:
            st.caption("The RunSpec, as `workbench train` reads it")
            st.code(spec.to_yaml(), language="yaml")
            st.download_button(
                "Export notebook",
                lambda: _notebook(opened, spec),
                file_name=f"{spec.name}.ipynb",
                mime="application/x-ipynb+json",
                key=f"{page}.notebook",
                icon=":material/download:",
                on_click="ignore",
            )


def _spec(opened: Open) -> RunSpec | None:
    if opened.run is not None:
        return opened.run.spec
    if opened.draft is not None and (opened.draft.target or opened.draft.finds):
        return opened.draft.spec()
    return None


def _python(opened: Open, spec: RunSpec | None, page: str) -> str:
    run_id = None if opened.run is None else opened.run.id
    model = None if opened.model is None else state.opened("model")
    source = None if opened.table is None else opened.table.source
    row = st.session_state.get("predict.row") if page == "predict" else None
    takes_images = page in ("predict", "explain") and _takes_images(opened)
    return as_code(spec, page, run_id=run_id, model=model, source=source, row=row, takes_images=takes_images)


def _takes_images(opened: Open) -> bool:
    from workbench.package import Signature

    if opened.model is None:
        return False
    with suppress(WorkbenchError):  # the page itself says what is wrong with the model
        return Signature.from_dict(read_json(opened.model.folder / "signature.json")).image is not None
    return False


def _notebook(opened: Open, spec: RunSpec) -> str:
    import nbformat

    from workbench.export import as_notebook

    return str(nbformat.writes(as_notebook(opened.run if opened.run is not None else spec)))
