"""What to train and how: cards of the catalogue, the chosen one's parameters, training options, and the start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import RecipeError, WorkbenchError
from workbench.estimators.catalogue import EstimatorEntry, check_params, entry, estimators_for
from workbench.estimators.spec import EarlyStopping, EstimatorSpec, ReduceLROnPlateau
from workbench.ui import drafts, forms, messages, state
from workbench.ui.forms import bound

if TYPE_CHECKING:
    from workbench.data import Table
    from workbench.data.spec import Task
    from workbench.ui.drafts import Draft


def draw(table: Table, draft: Draft) -> None:
    """Draw the whole form; starting opens the run."""
    with messages.shown(stop=True):
        task = draft.task or table.suggested_task(draft.target)
        chosen = entry(draft.estimator.name)
    if task not in chosen.tasks:
        chosen = estimators_for(task)[-1]
        draft = drafts.update(table, estimator=EstimatorSpec(name=chosen.name))
    forms.show_problem()
    st.subheader("What to train", anchor=False)
    _cards(table, task, chosen)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _parameters(table, draft, chosen)
    with right:
        _options(table, draft, chosen)
    _start(table, draft, chosen)


def _cards(table: Table, task: Task, chosen: EstimatorEntry) -> None:
    with st.grid(3, min_column_width=270):
        for found in estimators_for(task):
            with st.container(border=True, height="stretch", gap="xsmall"):
                st.markdown(f"**{found.title}**" + (" :blue-badge[:material/check: chosen]" if found is chosen else ""))
                st.caption(f"{found.summary} {found.strengths}")
                st.caption(f":material/schedule: {found.cost}")
                if found is not chosen:
                    st.space("stretch")
                    if st.button("Choose", key=f"train.choose.{found.name}"):
                        drafts.update(table, estimator=EstimatorSpec(name=found.name), name=None)
                        st.rerun()


def _parameters(table: Table, draft: Draft, chosen: EstimatorEntry) -> None:
    st.subheader(f"Parameters of {chosen.title.lower()}", anchor=False)
    if not chosen.parameters:
        st.caption("It has none.")
        return
    try:
        values = check_params(chosen, draft.estimator.params)
    except WorkbenchError as problem:  # from a notebook or an older version
        messages.error(problem)
        values = check_params(chosen, {})

    def save(name: str, value: Any) -> None:
        params = {**drafts.load(table).estimator.params, name: value}
        defaults = {parameter.name: parameter.default for parameter in chosen.parameters}
        kept = {key: entry for key, entry in params.items() if key in defaults and entry != defaults[key]}
        drafts.update(table, estimator=EstimatorSpec(name=chosen.name, params=kept))

    with st.grid(2, min_column_width=220):
        for parameter in chosen.parameters:
            if parameter.name == "strategy" and chosen.name == "baseline" and draft.task == "classification":
                continue
            with st.container():
                forms.parameter(
                    parameter,
                    values[parameter.name],
                    partial(save, parameter.name),
                    estimator=chosen.name,
                )


def _options(table: Table, draft: Draft, chosen: EstimatorEntry) -> None:
    st.subheader("How to train", anchor=False)
    training = draft.training

    def save(**parts: Any) -> None:
        drafts.update(table, training=drafts.load(table).training.model_copy(update=parts))

    if chosen.progress == "epochs":
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
                ["adam", "sgd", "rmsprop", "adamw"],
                help="How weights follow the gradient; adam is a safe start.",
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
    if chosen.progress != "single":
        _stopping(training.early_stopping, save)
    if chosen.progress == "epochs":
        _plateau(training.reduce_lr_on_plateau, save)
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


def _stopping(stopping: EarlyStopping | None, save: Any) -> None:
    st.toggle(
        "early stopping",
        help="Ends when the validation loss stops improving, and keeps the best. Needs a validation split.",
        **bound(
            "train.stopping", stopping is not None, lambda on: save(early_stopping=EarlyStopping() if on else None)
        ),
    )
    if stopping is not None:
        st.number_input(
            "patience",
            1,
            10_000,
            help="Steps without improvement before it ends; more is more patient.",
            **bound(
                "train.patience",
                stopping.patience,
                lambda value: save(early_stopping=stopping.model_copy(update={"patience": value})),
            ),
        )


def _plateau(plateau: ReduceLROnPlateau | None, save: Any) -> None:
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


def _start(table: Table, draft: Draft, chosen: EstimatorEntry) -> None:
    from workbench.ui import checks

    problem = checks.problem(table, draft, chosen)
    if problem is not None:
        messages.error(problem)
        if isinstance(problem, RecipeError):
            checks.offer_suggestion(table, draft, key="train.use_suggested")
    started = st.button(
        "Start training",
        type="primary",
        key="train.start",
        icon=":material/play_arrow:",
        disabled=problem is not None,
        help=None if problem is None else "First mend what is said above.",
    )
    if not started:
        return
    from workbench.training.starting import start

    with messages.shown():
        run = start(draft.spec())
        state.show(run=run.id)
        st.rerun()
