"""The "As code" popover: the Python that does what the page shows now, the RunSpec, and the notebook."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.export import as_code
from workbench.settings import current, home_to_name
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
        seen = _seen(page)
        try:
            spec = _spec(opened, page, seen)
        except WorkbenchError as problem:
            messages.error(problem)
            return
        st.code(_python(opened, spec, page, seen), language="python", wrap_lines=False)
        if spec is not None:
            st.caption("The RunSpec, as `workbench train` reads it")
            st.code(spec.to_yaml(), language="yaml")
            st.download_button(
                "Export notebook",
                lambda: _notebook(opened, spec, is_of_run=_run_is_shown(opened, page, seen)),
                file_name=f"{spec.name}.ipynb",
                mime="application/x-ipynb+json",
                key=f"{page}.notebook",
                icon=":material/download:",
                on_click="ignore",
            )


def note(page: str, **seen: Any) -> None:
    """Remember what is chosen on a page, which is drawn after the popover; see `workbench.export.as_code`.

    Notes about the same page with the same things open come together.
    """
    key = f"{page}.seen"
    of, before = st.session_state.get(key, (None, {}))
    st.session_state[key] = (state.address(), (before if of == state.address() else {}) | seen)


def _seen(page: str) -> dict[str, Any]:
    of, seen = st.session_state.get(f"{page}.seen", (None, {}))
    if of != state.address():
        return {}
    explained = seen.get("explained")
    if explained is None:
        return dict(seen)
    # Chosen in parts of the page that are drawn by themselves, so nobody has noted them.
    drawn = {name: st.session_state.get(f"explain.{name}") for name in ("column", "output")}
    row = st.session_state.get("explain.row") or 0
    return {**seen, "explained": replace(explained, **drawn, row=row)}


def _run_is_shown(opened: Open, page: str, seen: dict[str, Any]) -> bool:
    """Whether the page is about the open run, not about the draft or the model that may be open beside it."""
    if opened.run is None or page in ("home", "data", "prepare"):
        return False
    if page == "train":
        return bool(st.session_state.get("train.view", "watch") == "watch")
    if page in ("explain", "predict") and opened.model is not None:
        return bool(seen.get("subject", "run" if page == "explain" else "model") == "run")
    return True


def _spec(opened: Open, page: str, seen: dict[str, Any]) -> RunSpec | None:
    """Give the RunSpec of what the page shows."""
    if page == "home":
        return None
    if opened.run is not None and _run_is_shown(opened, page, seen):
        return opened.run.spec
    if page in ("explain", "predict", "models") and opened.model is not None:
        # The code opens the model and needs no spec, which may be one of another version.
        with suppress(WorkbenchError):
            document = read_json(opened.model.folder / "spec.json")
            return RunSpec.parse(document) if document else None
        return None
    if opened.draft is not None and (opened.draft.target or opened.draft.finds):
        return opened.draft.spec()
    return None


def _python(opened: Open, spec: RunSpec | None, page: str, seen: dict[str, Any]) -> str:
    is_of_run = opened.run is not None and _run_is_shown(opened, page, seen)
    if page == "train" and st.session_state.get("train.view") == "runs":
        return as_code(None, page, home=home_to_name(current()))
    row = st.session_state.get("predict.row") if page == "predict" else None
    # The model's own spec is shown below the code, but the code opens the model and doesn't train it again.
    code_spec = spec if is_of_run or page in ("data", "prepare", "train") else None
    return as_code(
        code_spec,
        page,
        run_id=opened.run.id if opened.run is not None and is_of_run else None,
        model=None if opened.model is None else state.opened("model"),
        source=None if opened.table is None else opened.table.source,
        row=row,
        home=home_to_name(current()),
        takes_images=page in ("predict", "explain") and _takes_images(opened),
        **(_of_evaluate(opened) if page == "evaluate" else seen),
    )


def _of_evaluate(opened: Open) -> dict[str, Any]:
    if opened.run is None:
        return {}
    try:
        report = opened.run.report()
    except WorkbenchError:  # the page says so
        return {}
    usual = "test" if "test" in report.splits else report.splits[-1]
    split = st.session_state.get("split")
    return {"split": split if split in report.splits else usual, "kinds": report.plot_kinds}


def _takes_images(opened: Open) -> bool:
    from workbench.package import Signature

    if opened.model is None:
        return False
    with suppress(WorkbenchError):  # the page itself says what is wrong with the model
        return Signature.from_dict(read_json(opened.model.folder / "signature.json")).image is not None
    return False


def _notebook(opened: Open, spec: RunSpec, *, is_of_run: bool) -> str:
    import nbformat

    from workbench.export import as_notebook

    shown = opened.run if is_of_run and opened.run is not None else spec
    return str(nbformat.writes(as_notebook(shown, home=home_to_name(current()))))
