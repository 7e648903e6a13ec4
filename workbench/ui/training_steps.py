"""The network's steps: epochs, batches, optimizer, learning rate and how it moves, each with what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from workbench.estimators.spec import ReduceLROnPlateau, Schedule, TrainingSpec
from workbench.ui.forms import bound

Save = Callable[..., None]

_OPTIMIZERS = ("adam", "adamw", "nadam", "sgd", "momentum", "rmsprop", "adagrad", "lion")
_SCHEDULES = {
    "constant": "constant",
    "cosine": "cosine",
    "linear": "linear",
    "exponential": "exponential",
    "step": "in steps",
}


def steps(training: TrainingSpec, save: Save) -> None:
    """Draw the options; a change is saved."""
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
        if training.optimizer == "momentum":
            st.number_input(
                "momentum",
                0.0,
                0.99,
                step=0.05,
                help="Share of the last step that goes on; more rolls over small bumps.",
                **bound("train.momentum", training.momentum, lambda value: save(momentum=value)),
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

    with st.grid(2, min_column_width=150):
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


def plateau(stored: ReduceLROnPlateau | None, save: Save) -> None:
    """Draw whether, and how, a plateau of the validation loss lowers the rate."""
    st.toggle(
        "lower the learning rate on a plateau",
        help="Multiplies the learning rate by a factor when the validation loss stalls.",
        **bound(
            "train.plateau",
            stored is not None,
            lambda on: save(reduce_lr_on_plateau=ReduceLROnPlateau() if on else None),
        ),
    )
    if stored is None:
        return

    def change(**parts: Any) -> None:
        save(reduce_lr_on_plateau=stored.model_copy(update=parts))

    with st.grid(3, min_column_width=90):
        st.number_input(
            "factor",
            0.01,
            0.99,
            step=0.05,
            help="The learning rate is multiplied by this.",
            **bound("train.factor", stored.factor, lambda value: change(factor=value)),
        )
        st.number_input(
            "after epochs",
            1,
            1000,
            help="Epochs without improvement before that.",
            **bound("train.plateau_patience", stored.patience, lambda value: change(patience=value)),
        )
        st.number_input(
            "lowest rate",
            0.0,
            1.0,
            step=1e-5,
            format="%g",
            help="It never goes below.",
            **bound("train.min_lr", stored.min_lr, lambda value: change(min_lr=value)),
        )
