"""How to train: epochs, optimizer, schedule, loss, regularisation and hardware, each with what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.estimators.spec import EarlyStopping, ReduceLROnPlateau, Schedule, TrainingSpec
from workbench.ui import drafts
from workbench.ui.forms import bound

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.spec import AnyTask
    from workbench.estimators.entry import EstimatorEntry

Save = Callable[..., None]

_OPTIMIZERS = ("adam", "adamw", "nadam", "sgd", "momentum", "rmsprop", "adagrad", "lion")
_SCHEDULES = {
    "constant": "constant",
    "cosine": "cosine",
    "linear": "linear",
    "exponential": "exponential",
    "step": "in steps",
}
_DEVICES = {"auto": "GPU, if there is one", "cpu": "CPU", "gpu": "one GPU", "all_gpus": "all GPUs"}
_LOSSES = {
    "classification": ("auto", "cross_entropy", "focal"),
    "regression": ("auto", "squared_error", "absolute_error", "huber", "log_cosh"),
}


def draw(table: Table, draft: drafts.Draft, chosen: EstimatorEntry, task: AnyTask) -> None:
    """Draw the options that the chosen estimator heeds; a change is stored in the draft."""
    st.subheader("How to train", anchor=False)
    training = draft.training

    def save(**parts: Any) -> None:
        before = drafts.load(table).training
        drafts.update(table, training=TrainingSpec.model_validate({**before.model_dump(), **parts}))

    if chosen.progress == "epochs":
        _steps(training, save)
    if chosen.progress != "single":
        _stopping(training.early_stopping, save, boosts=chosen.progress == "rounds")
    if chosen.progress == "epochs":
        _plateau(training.reduce_lr_on_plateau, save)
        _loss(training, save, task)
        _more(training, save)
    if task == "classification" and chosen.takes == "table" and chosen.name != "baseline":
        st.segmented_control(
            "calibrate probabilities",
            ["none", "sigmoid", "isotonic"],
            required=True,
            help="Corrects the probabilities on the validation rows after training, so that of all answers with 80 % "
            "about 80 % are right. Sigmoid needs few rows, isotonic some thousands. Validation metrics are then "
            "a little too good; look at test.",
            **bound("train.calibration", training.calibration, lambda value: save(calibration=value)),
        )
    _identity(table, draft)


def _steps(training: TrainingSpec, save: Save) -> None:
    with st.grid(2, min_column_width=150):
        st.number_input(
            "epochs",
            1,
            100_000,
            help="Passes over the training rows; more fits closer, and may overfit.",
            **bound("train.epochs", training.epochs, lambda value: save(epochs=value)),
        )
        st.number_input(
            "batch size",
            1,
            1_000_000,
            step=32,
            help="Rows in one step; larger is faster and smoother, smaller often generalises better.",
            **bound("train.batch_size", training.batch_size, lambda value: save(batch_size=value)),
        )
        st.selectbox(
            "optimizer",
            _OPTIMIZERS,
            help="How weights follow the gradient; adam is a safe start, momentum is SGD with Nesterov momentum.",
            **bound("train.optimizer", training.optimizer, lambda value: save(optimizer=value)),
        )
        st.number_input(
            "learning rate",
            1e-6,
            10.0,
            step=1e-4,
            format="%g",
            help="Size of a step; larger learns faster and may diverge.",
            **bound("train.learning_rate", training.learning_rate, lambda value: save(learning_rate=value)),
        )
        st.selectbox(
            "learning-rate schedule",
            list(_SCHEDULES),
            format_func=_SCHEDULES.__getitem__,
            help="How the learning rate moves by plan: falling towards the end finds a better minimum.",
            **bound(
                "train.schedule",
                training.schedule.kind if training.schedule else "constant",
                lambda kind: save(schedule=_schedule(training, kind=kind)),
            ),
        )
        if training.optimizer == "momentum":
            st.number_input(
                "momentum",
                0.0,
                0.99,
                step=0.05,
                help="Share of the last step that goes on; more rolls over small bumps.",
                **bound("train.momentum", training.momentum, lambda value: save(momentum=value)),
            )
    if training.schedule is not None:
        _schedule_options(training, training.schedule, save)


def _schedule(training: TrainingSpec, **parts: Any) -> dict[str, Any] | None:
    now = training.schedule.model_dump() if training.schedule else {}
    changed = {**now, **parts}
    # A constant rate without a warm-up is no schedule at all.
    if changed.get("kind") == "constant" and not changed.get("warmup_epochs"):
        return None
    return Schedule.model_validate(changed).model_dump()


def _schedule_options(training: TrainingSpec, schedule: Schedule, save: Save) -> None:
    def change(**parts: Any) -> None:
        save(schedule=_schedule(training, **parts))

    with st.grid(3, min_column_width=90):
        st.number_input(
            "warm-up epochs",
            0.0,
            1000.0,
            step=0.5,
            format="%g",
            help="Epochs in which the rate first rises from 0; calms the start of large networks.",
            **bound("train.warmup", schedule.warmup_epochs, lambda value: change(warmup_epochs=value)),
        )
        if schedule.kind in ("cosine", "linear", "exponential"):
            st.number_input(
                "left at the end",
                0.0,
                1.0,
                step=0.01,
                format="%g",
                help="Share of the learning rate that is left in the last epoch.",
                **bound("train.final", schedule.final, lambda value: change(final=value)),
            )
        if schedule.kind == "step":
            st.number_input(
                "times",
                0.01,
                0.99,
                step=0.1,
                help="The rate is multiplied by this at each step.",
                **bound("train.step_factor", schedule.factor, lambda value: change(factor=value)),
            )
            st.number_input(
                "every epochs",
                1,
                100_000,
                help="Epochs between two steps.",
                **bound("train.step_every", schedule.every, lambda value: change(every=value)),
            )


def _stopping(stopping: EarlyStopping | None, save: Save, *, boosts: bool) -> None:
    usual = " Boosting stops after 25 rounds without improvement unless told otherwise." if boosts else ""
    st.toggle(
        "early stopping",
        help="Ends when the validation loss stops improving, and keeps the best. Needs a validation split." + usual,
        **bound(
            "train.stopping", stopping is not None, lambda on: save(early_stopping=EarlyStopping() if on else None)
        ),
    )
    if stopping is not None:
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


def _plateau(plateau: ReduceLROnPlateau | None, save: Save) -> None:
    st.toggle(
        "lower the learning rate on a plateau",
        help="Multiplies the learning rate by a factor when the validation loss stalls.",
        **bound(
            "train.plateau",
            plateau is not None,
            lambda on: save(reduce_lr_on_plateau=ReduceLROnPlateau() if on else None),
        ),
    )
    if plateau is None:
        return

    def change(**parts: Any) -> None:
        save(reduce_lr_on_plateau=plateau.model_copy(update=parts))

    with st.grid(3, min_column_width=90):
        st.number_input(
            "factor",
            0.01,
            0.99,
            step=0.05,
            help="The learning rate is multiplied by this.",
            **bound("train.factor", plateau.factor, lambda value: change(factor=value)),
        )
        st.number_input(
            "after epochs",
            1,
            1000,
            help="Epochs without improvement before that.",
            **bound("train.plateau_patience", plateau.patience, lambda value: change(patience=value)),
        )
        st.number_input(
            "lowest rate",
            0.0,
            1.0,
            step=1e-5,
            format="%g",
            help="It never goes below.",
            **bound("train.min_lr", plateau.min_lr, lambda value: change(min_lr=value)),
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


def _more(training: TrainingSpec, save: Save) -> None:
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
    draft = drafts.load(table).changed(name=value.strip() or None)
    draft.spec()  # refuses a name that can't be a folder
    drafts.save(draft)


def formulas(draft: drafts.Draft, chosen: EstimatorEntry, task: AnyTask) -> None:
    """Show what the choices mean as formulas, for whoever learns or teaches."""
    from workbench.estimators.formulas import formulas_for

    found = formulas_for(chosen, draft.training, task, draft.estimator.params)
    if not found:
        return
    with st.expander("What these choices mean", icon=":material/function:"):
        for formula in found:
            with st.container(horizontal=False, gap="xsmall"):
                st.markdown(f"**{formula.title}**")
                st.latex(formula.latex)
                st.caption(formula.words)
