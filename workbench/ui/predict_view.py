"""One row: the form on the left, and the answer with its explanation on the right, changing together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st

from workbench import plots
from workbench.storage import to_json
from workbench.ui import image_view, messages, prediction_form, subject, words
from workbench.ui.picture import picture
from workbench.ui.subject import Subject

if TYPE_CHECKING:
    from workbench.explain import Explanation
    from workbench.package import Signature

ROW = "predict.row"


def forget_other_row(opened: object) -> None:
    """Drop the row that "As code" shows when another model is opened."""
    if st.session_state.get("predict.row_of") != opened:
        st.session_state.pop(ROW, None)
        st.session_state["predict.row_of"] = opened


@st.fragment(key="predict.one_row")
def one_row(asked: Subject) -> None:
    """Draw form and answer; only this part is drawn again when the form changes."""
    with messages.shown():
        signature = subject.predictor(asked).signature
        background = subject.background(asked)
        shape = image_view.image_shape(signature.column_names)
        left, right = st.columns([2, 3], gap="large")
        with left:
            if shape:
                row = image_view.draw(signature, background, shape, prefix=f"predict.{asked.id}")
            else:
                many = len(signature.columns) > prediction_form.MANY_COLUMNS
                ranked = subject.most_important(asked) if many else ()
                row = prediction_form.draw(signature, background, prefix=f"predict.{asked.id}", most_important=ranked)
        st.session_state[ROW] = row
        with right:
            _answer(asked, signature, row, shape)


def _answer(asked: Subject, signature: Signature, row: dict[str, Any], shape: tuple[int, int] | None) -> None:
    explanation = explain_row(asked, row)
    if signature.classes is None:
        _big(f"Predicted {signature.target}", words.number(float(explanation.outputs[0, 0]), 5))
    else:
        scores = {str(label): float(p) for label, p in zip(signature.classes, explanation.outputs[0], strict=True)}
        best = max(scores, key=lambda label: scores[label])
        _big(f"Predicted {signature.target}", best, f"probability {scores[best]:.1%}")
        numbers = pl.DataFrame({"class": list(scores), "probability": list(scores.values())})
        picture(plots.probability_bars(scores, target=signature.target), key="predict.probabilities", numbers=numbers)
    output = _output(signature, explanation)
    _why(explanation, output, shape)


def _big(label: str, value: str, beside: str = "") -> None:
    with st.container(border=True, gap="xsmall", key="predict.answer"):
        st.caption(messages.plain(label))
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.markdown(f"# {messages.plain(value)}", width="content")
            if beside:
                st.markdown(beside, width="content")


def _output(signature: Signature, explanation: Explanation) -> str | int | None:
    if signature.classes is None or len(signature.classes) == 2:
        return None
    likely = signature.classes[explanation.output_index(row=0)]
    return st.selectbox(
        "Explain the probability of",
        [None, *signature.classes],
        format_func=lambda label: f"{likely}, the likeliest" if label is None else str(label),
        key="predict.class",
        placeholder=f"{likely}, the likeliest",  # what nothing chosen means
        width=260,
    )


def _why(explanation: Explanation, output: str | int | None, shape: tuple[int, int] | None) -> None:
    numbers = explanation.row_frame(0, output)
    title = explanation.output_title(explanation.output_index(output, row=0))
    st.markdown(f"**What moves the {messages.plain(title)}**")
    if shape:
        effects = image_view.grid_of(dict(numbers.select("column", "shap_value").iter_rows()), shape)
        figure = plots.pixel_effects(effects, unit=explanation.output_space, alt=f"Effect of each pixel on the {title}")
        picture(figure, key="predict.pixels", numbers=numbers)
        st.caption("Vermilion pixels push it up, blue ones down; both ink and its absence count.")
    else:
        figure = explanation.plot("waterfall", row=0, output=output)
        figure.update_layout(title=None, margin={"t": 34})
        picture(figure, key="predict.waterfall", numbers=numbers)
    st.caption(messages.plain(explanation.words(0, output)))
    st.caption(f":material/info: {messages.plain(explanation.note)}", help=explanation.method)


def explain_row(asked: Subject, row: dict[str, Any]) -> Explanation:
    """Predict and explain one row; the same row of the same package is computed once.

    Raises
    ------
    WorkbenchError
        If the row doesn't fit the model.
    """
    manifest = asked.folder.resolve() / "manifest.json"
    stamp = manifest.stat().st_mtime_ns if manifest.is_file() else 0
    return _explain_row(asked, str(asked.folder.resolve()), stamp, to_json(row))


@st.cache_data(max_entries=200, show_spinner=False)
def _explain_row(_asked: Subject, folder: str, stamp: int, row: str) -> Explanation:
    import json

    from workbench.explain import explain_rows

    return explain_rows(subject.predictor(_asked), [json.loads(row)])
