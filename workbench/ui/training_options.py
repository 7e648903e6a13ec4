"""How to train: when to stop, loss, regularisation, hardware, calibration, seed and name, each with what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.estimators.spec import BOOSTING_PATIENCE, NEVER, STEPPING, EarlyStopping, TrainingSpec
from workbench.ui import drafts, training_steps
from workbench.ui.forms import bound
from workbench.ui.training_steps import Save

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.spec import AnyTask
    from workbench.estimators.entry import EstimatorEntry

_DEVICES = {"auto": "GPU, if there is one", "cpu": "CPU", "gpu": "one GPU", "all_gpus": "all GPUs"}
_STOPPING = "Ends when the validation loss stops improving, and keeps the best. Needs a validation split."
_LOSSES = {
    "classification": ("auto", "cross_entropy", "focal"),
    "regression": ("auto", "squared_error", "absolute_error", "huber", "log_cosh"),
}


def draw(table: Table, draft: drafts.Draft, chosen: EstimatorEntry, task: AnyTask) -> None:
    """Draw the options that the chosen estimator heeds; a change is stored in the draft."""
    st.subheader("How to train", anchor=False)
    training = draft.training.suited(chosen.training)

    def save(**parts: Any) -> None:
        with drafts.editing(table) as stored:
            before = stored.training
            if parts.keys() & STEPPING:  # what is shown beside it then stands in the draft, too
                before = before.suited(chosen.training)
            drafts.update(table, training=TrainingSpec.model_validate({**before.to_dict(), **parts}))

    if chosen.progress == "epochs":
        training_steps.steps(training, save)
    if chosen.progress != "single":
        if chosen.progress == "rounds":
            _stopping_of_boosting(
                training.early_stopping, save, validates=draft.split.validation > 0 or draft.split.by == "column"
            )
        else:
            _stopping(training.early_stopping, save)
    if chosen.progress == "epochs":
        training_steps.plateau(training.reduce_lr_on_plateau, save)
        _loss(training, save, task)
        _more(training, save, task)
    if task == "classification" and chosen.takes == "table" and chosen.name != "baseline":
        st.segmented_control(
            "calibrate probabilities",
            ["none", "sigmoid", "isotonic"],
            required=True,
            wrap=True,
            help="Corrects the probabilities on the validation rows after training, so that of all answers with 80 % "
            "about 80 % are right. Sigmoid needs few rows, isotonic some thousands. Validation metrics are then "
            "a little too good; look at test.",
            **bound("train.calibration", training.calibration, lambda value: save(calibration=value)),
        )
    _identity(table, draft)


def _stopping(stopping: EarlyStopping | None, save: Save) -> None:
    st.toggle(
        "early stopping",
        help=_STOPPING,
        **bound(
            "train.stopping", stopping is not None, lambda on: save(early_stopping=EarlyStopping() if on else None)
        ),
    )
    if stopping is not None:
        _patience(stopping, save)


def _stopping_of_boosting(stopping: EarlyStopping | None, save: Save, *, validates: bool) -> None:
    """Draw the switch as boosting takes it: where nothing is said, it stops early if there are validation rows."""
    usual = EarlyStopping(patience=BOOSTING_PATIENCE)
    acting = (usual if validates else None) if stopping is None else stopping if stopping.patience < NEVER else None
    off = EarlyStopping(patience=NEVER) if validates else None
    on = None if validates else usual
    st.toggle(
        "early stopping",
        help=f"{_STOPPING} Boosting does so by default, after {BOOSTING_PATIENCE} rounds without improvement.",
        **bound("train.stopping", acting is not None, lambda wanted: save(early_stopping=on if wanted else off)),
    )
    if acting is not None:
        _patience(acting, save)


def _patience(stopping: EarlyStopping, save: Save) -> None:
    st.number_input(
        "patience",
        1,
        100_000,
        help="Steps without improvement before it ends; more is more patient.",
        **bound(
            "train.patience",
            stopping.patience,
            lambda value: save(early_stopping=stopping.model_copy(update={"patience": value})),
        ),
    )


def _loss(training: TrainingSpec, save: Save, task: AnyTask) -> None:
    choices = _LOSSES.get(task, ("auto",))
    st.selectbox(
        "loss",
        choices,
        format_func=lambda name: name.replace("_", " "),
        help="What training makes small. Auto is the cross-entropy for classes and the squared error for numbers; "
        "focal looks harder at rows that are still wrong, Huber and absolute error bear outliers.",
        **bound(
            "train.loss",
            training.loss if training.loss in choices else "auto",
            lambda value: save(loss=value),
        ),
    )


def _more(training: TrainingSpec, save: Save, task: AnyTask) -> None:
    with st.expander("Regularisation and hardware", icon=":material/tune:"), st.grid(2, min_column_width=150):
        st.number_input(
            "weight decay",
            0.0,
            1.0,
            step=0.001,
            format="%g",
            help="Share of each weight taken away in a step, times the learning rate; keeps weights small.",
            **bound("train.weight_decay", training.weight_decay, lambda value: save(weight_decay=value)),
        )
        st.number_input(
            "clip gradients at norm",
            0.0,
            1000.0,
            step=0.5,
            format="%g",
            help="Shortens gradients longer than this, so that one bad batch can't throw the weights far; 0 is never.",
            **bound("train.clip_norm", training.clip_norm or 0.0, lambda value: save(clip_norm=value or None)),
        )
        if task == "classification" or training.label_smoothing:  # what was set can be set back
            st.number_input(
                "label smoothing",
                0.0,
                0.9,
                step=0.05,
                help="Certainty taken from the true class and spread over all; curbs overconfidence.",
                **bound("train.label_smoothing", training.label_smoothing, lambda value: save(label_smoothing=value)),
            )
        st.selectbox(
            "train on",
            list(_DEVICES),
            format_func=_DEVICES.__getitem__,
            help="All GPUs share each batch (MirroredStrategy): raise the batch size with their number.",
            **bound("train.device", training.device, lambda value: save(device=value)),
        )
        st.toggle(
            "mixed precision",
            help="Computes in 16 bits where that is exact enough: up to twice as fast on GPUs; a CPU ignores it.",
            **bound("train.mixed_precision", training.mixed_precision, lambda value: save(mixed_precision=value)),
        )
        st.toggle(
            "compile with XLA",
            help="Fuses the operations of a step; faster on GPUs, slower on CPUs.",
            **bound("train.jit_compile", training.jit_compile, lambda value: save(jit_compile=value)),
        )


def _identity(table: Table, draft: drafts.Draft) -> None:
    st.number_input(
        "seed",
        0,
        2**32 - 1,
        help="Fixes the split and the random parts of training: the same seed gives the same run.",
        **bound("train.seed", draft.seed, lambda value: drafts.update(table, seed=value)),
    )
    st.text_input(
        "name",
        max_chars=64,
        help="Names the run; letters, digits, dots, dashes and underscores.",
        placeholder=draft.suggested_name(),
        **bound("train.name", draft.name or "", lambda value: _rename(table, value)),
    )


def _rename(table: Table, value: str) -> None:
    with drafts.editing(table) as draft:
        renamed = draft.changed(name=value.strip() or None)
        renamed.spec()  # refuses a name that can't be a folder
        drafts.save(renamed)
