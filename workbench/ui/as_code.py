"""The "As code" popover: the Python that does what the page shows now, the RunSpec, and the notebook."""

from __future__ import annotations

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.training.spec import RunSpec
from workbench.ui import messages
from workbench.ui.state import Open


def popover(opened: Open, page: str) -> None:
    """Draw the popover; with nothing open it shows how to begin."""
    with st.popover(
        "As code", icon=":material/code:", key=f"{page}.as_code", help="The Python and the RunSpec behind this page"
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
    if opened.draft is not None and opened.draft.target:
        return opened.draft.spec()
    return None


def _python(opened: Open, spec: RunSpec | None, page: str) -> str:
    if spec is None:
        table = "titanic" if opened.source is None else opened.source
        opening = (
            f'wb.sample("{table}")'
            if opened.table is None or opened.table.origin.get("sample")
            else f'wb.open_table("{table}")'
        )
        return f"import workbench as wb\n\ntable = {opening}\ntable.head(10)\n"
    try:
        from workbench.export import as_code
    except ImportError:
        return (
            f'import workbench as wb\n\nspec = wb.RunSpec.from_yaml("""\n{spec.to_yaml()}""")\nrun = wb.train(spec)\n'
        )
    return str(as_code(spec, page))


def _notebook(opened: Open, spec: RunSpec) -> str:
    import nbformat

    from workbench.export import as_notebook

    return str(nbformat.writes(as_notebook(opened.run if opened.run is not None else spec)))
