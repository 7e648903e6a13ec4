"""Many rows: a file or the open table in, a prediction for each row out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import polars as pl
import streamlit as st

from workbench import plots
from workbench.api.scoring import Score, score_rows
from workbench.data.later_files import named_as
from workbench.data.spec import ReaderOptions
from workbench.errors import WorkbenchError
from workbench.evaluation.metrics import metrics_for
from workbench.settings import current
from workbench.ui import batch_reading, column_mapping, messages, subject, words
from workbench.ui.picture import picture
from workbench.ui.row_tables import beside
from workbench.ui.subject import Subject
from workbench.ui.uploads import ENDINGS

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from workbench.data import Table
    from workbench.package import Signature
    from workbench.package.reading import FileRows

SHOWN_ROWS = 500
CHUNK_ROWS = 10_000
N_BINS = 40


@st.fragment(key="predict.many_rows")
def many_rows(asked: Subject, table: Table | None) -> None:
    """Draw the choice of rows and their predictions."""
    with messages.shown():
        signature = subject.predictor(asked).signature
        _say_what_is_needed(signature, asked)
        file = st.file_uploader(
            "File with the rows",
            type=ENDINGS,
            key=f"predict.file.{asked.id}",
            max_upload_size=current().max_upload_mib,
            help="Any file that the Data page reads. It is read, answered and not kept.",
        )
        use_table = (
            table is not None
            and file is None
            and st.toggle(
                f"Ask about the open table: {messages.plain(table.name)}, {words.plural(table.n_rows, 'row')}",
                key="predict.use_table",
            )
        )
        if file is not None:
            key = f"{asked.id} {file.file_id}"
            _ask_about_file(file, key, asked, signature)
        elif use_table and table is not None:
            key = f"{asked.id} {table.short_digest}"
            mapping = column_mapping.chosen(key)
            names = [*signature.column_names, signature.target]
            frame, notes = named_as(table.frame(), names, dict(mapping.names))
            answer = predict_rows(asked, frame, notes, empty=mapping.empty)
            _show_answer(answer, signature, key=key, name=table.name)


def _ask_about_file(file: UploadedFile, key: str, asked: Subject, signature: Signature) -> None:
    mapping, options = column_mapping.chosen(key), batch_reading.given(key).model_dump_json(exclude_unset=True)
    try:
        read = read_upload(file, file.name, key, options, mapping.names, asked)
        answer = predict_read(read.frame, read.notes, f"{key} {options} {mapping}", mapping.empty, asked)
    except WorkbenchError as problem:
        messages.error(problem)
        batch_reading.draw(file, file.name, key, subject.predictor(asked))
        return
    batch_reading.draw(file, file.name, key, subject.predictor(asked))
    _show_answer(answer, signature, key=key, name=Path(file.name).name.split(".")[0])


def _say_what_is_needed(signature: Signature, asked: Subject) -> None:
    names = ", ".join(f"`{name}`" for name in signature.column_names[:12])
    more = f" and {len(signature.columns) - 12} more" if len(signature.columns) > 12 else ""
    st.caption(f"The rows need the columns {names}{more}; others are ignored, and empty cells are missing values.")
    template = subject.background(asked).head(5)
    if template.height:
        st.download_button(
            "Example file",
            template.write_csv,
            file_name=f"{asked.id.replace('/', '-')}-example.csv",
            mime="text/csv",
            key="predict.template",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            help="Five training rows with the right columns.",
        )


@dataclass(frozen=True)
class Answer:
    """Rows and what the model says about them.

    Parameters
    ----------
    frame : DataFrame
    notes : list of str
        What was recognised in the rows.
    missing : list of str
        Columns of the model that weren't found; there are no predictions then.
    predictions : DataFrame or None
    ignored : list of str
        Columns that the model doesn't take.
    score : Score or None
        Where the rows hold the true answers.
    """

    frame: pl.DataFrame
    notes: list[str]
    missing: list[str] = field(default_factory=list)
    predictions: pl.DataFrame | None = None
    ignored: list[str] = field(default_factory=list)
    score: Score | None = None


@st.cache_data(max_entries=4, show_spinner="Reading …")
def read_upload(
    _file: BinaryIO, name: str, id: str, options: str, names: tuple[tuple[str, str], ...], _asked: Subject
) -> FileRows:
    """Read an uploaded file of rows; it is gone from the disk when this returns.

    Raises
    ------
    ReadError
        If it isn't a table.
    """
    with batch_reading.on_disk(_file, name, id) as path:
        by_hand = ReaderOptions.model_validate_json(options)
        return subject.predictor(_asked).read_rows(path, options=by_hand, names=dict(names))


@st.cache_data(max_entries=4, show_spinner="Predicting …")
def predict_read(_frame: pl.DataFrame, _notes: list[str], id: str, empty: tuple[str, ...], _asked: Subject) -> Answer:
    """Predict the rows of a file that was read.

    Raises
    ------
    InputError
        If a row doesn't fit the model.
    """
    return predict_rows(_asked, _frame, _notes, empty=empty)


def predict_rows(asked: Subject, frame: pl.DataFrame, notes: list[str], *, empty: Sequence[str] = ()) -> Answer:
    """Predict rows, unless columns are missing that a reader may know by another name.

    Raises
    ------
    InputError
        If a row doesn't fit the model.
    """
    predictor = subject.predictor(asked)
    frame = frame.with_columns(pl.lit(None).alias(name) for name in empty if name not in frame.columns)
    missing = [name for name in predictor.signature.column_names if name not in frame.columns]
    if 0 < len(missing) <= column_mapping.MOST_COLUMNS:
        return Answer(frame, notes, missing)
    predictions, ignored = predict_in_chunks(asked, frame)
    score = score_rows(predictor, frame, predictions)
    ignored = [name for name in ignored if score is None or name != score.column]
    return Answer(frame, notes, [], predictions, ignored, score)


def predict_in_chunks(asked: Subject, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Predict the rows of a frame, checked as a whole so that a message names the row in the file.

    Returns
    -------
    predictions : DataFrame
        ``prediction`` and, for classes, ``probability_<class>``.
    ignored : list of str
        Columns that the model doesn't take.
    """
    predictor = subject.predictor(asked)
    checked = predictor.signature.check(frame)
    rows = checked.frame
    pieces = [predictor.predict_frame(rows.slice(start, CHUNK_ROWS)) for start in range(0, rows.height, CHUNK_ROWS)]
    return pl.concat(pieces), checked.ignored


def _show_answer(answer: Answer, signature: Signature, *, key: str, name: str) -> None:
    for note in answer.notes:
        st.caption(f":material/fact_check: {messages.plain(note)}")
    column_mapping.say(key)
    if answer.predictions is None:
        free = [column for column in answer.frame.columns if column not in signature.types]
        column_mapping.draw(key, answer.missing, free)
        return
    _show(answer.predictions, answer.frame, answer.ignored, signature, name=name, score=answer.score)


def _show_score(score: Score, signature: Signature) -> None:
    known = metrics_for(signature.task)
    st.markdown(f"**Against the true answers in {messages.plain(score.column)}**")
    with st.grid(4, min_column_width=150):
        for name, value in score.metrics.items():
            st.metric(known[name].title, words.number(value), border=True, help=known[name].meaning)
    left = f"; {words.plural(score.n_left_out, 'row')} without a known answer left out" if score.n_left_out else ""
    st.caption(f"Measured on {words.plural(score.n_rows, 'row')}{left}. Rows that the model learned from flatter it.")


def _show(
    predictions: pl.DataFrame,
    frame: pl.DataFrame,
    ignored: list[str],
    signature: Signature,
    *,
    name: str,
    score: Score | None = None,
) -> None:
    st.subheader(
        f"{words.plural(predictions.height, 'prediction')} of {messages.plain(signature.target)}", anchor=False
    )
    if ignored:
        st.caption(f"Ignored, since the model doesn't take them: {', '.join(f'`{column}`' for column in ignored)}.")
    both, renamed = beside(predictions, frame)
    if renamed:
        said = ", ".join(f"`{old}` is now `{new}`" for old, new in renamed.items())
        st.caption(f"Columns of the file that are named like the answers were renamed: {said}.")
    with st.container(horizontal=True):
        for label, content, ending in (("Predictions", predictions, "predictions"), ("With all columns", both, "all")):
            st.download_button(
                label,
                content.write_csv,
                file_name=f"{name}-{ending}.csv",
                mime="text/csv",
                key=f"predict.csv.{ending}",
                icon=":material/download:",
                type="primary" if ending == "predictions" else "secondary",
                on_click="ignore",
            )
    if score is not None:
        _show_score(score, signature)
    summary = _summary(predictions, signature)
    column = f"predicted {signature.target}"
    draw = plots.category_bars if signature.classes is not None else plots.histogram
    picture(draw(summary, column=column, title=False), key="predict.summary", numbers=summary, name=f"{name}-summary")
    shown = min(SHOWN_ROWS, both.height)
    st.caption(f"{shown:,} of {both.height:,} rows; the files have all.")
    st.dataframe(both.head(SHOWN_ROWS), alt="Predictions beside the rows")


def _summary(predictions: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    values = predictions["prediction"]
    if signature.classes is not None:
        counts = values.cast(pl.String).alias("value").value_counts(sort=True)
        return counts
    import numpy as np

    count, edges = np.histogram(values.to_numpy(), bins=N_BINS)
    return pl.DataFrame({"left": edges[:-1], "right": edges[1:], "count": count})
