"""How parameters are searched: method, budget, metric, folds, what each parameter may be, and how long it will take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from workbench.data.spec import Task
from workbench.errors import WorkbenchError
from workbench.estimators.entry import EstimatorEntry
from workbench.training.search_spec import SearchSpec
from workbench.training.spec import RunSpec
from workbench.ui import forms, messages, search_ranges
from workbench.ui.forms import bound

Save = Callable[[SearchSpec | None], object]

METHODS = {
    "none": ("No search", "Trains once, with the parameters as they are set."),
    "optuna": ("Optuna", "Learns from the trials before where good values lie (TPE), and ends bad trials early."),
    "random": ("Random", "Draws values at random: a fair yardstick, and good where many parameters matter little."),
    "grid": ("Grid", "Tries every combination of a few values, all measured in full: for one or two parameters."),
    "halving": ("Halving", "Gives many trials few rows, and the better third of them three times as many."),
    "everything": ("Everything", "Tries each sensible estimator with its defaults, then searches the best three."),
}
_OF_ONE = [name for name in METHODS if name != "everything"]  # searches of one estimator's parameters


def draw(
    search: SearchSpec | None,
    entry: EstimatorEntry,
    *,
    task: Task,
    save: Save,
    spec: Callable[[], RunSpec] | None = None,
    fixed: dict[str, Any] | None = None,
    key: str = "search",
) -> SearchSpec | None:
    """Draw the form.

    Parameters
    ----------
    search : SearchSpec or None
        What is stored now.
    entry : EstimatorEntry
        Whose parameters are searched.
    task : {"classification", "regression"}
    save : callable
        Stores a change; None is no search.
    spec : callable, optional
        Gives the RunSpec with the search in it, for the estimate of time; no button where absent.
    fixed : dict, optional
        Parameters of the estimator that are set by hand, which the catalogue's ranges leave alone.
    key : str
        In front of the widgets' keys.

    Returns
    -------
    SearchSpec or None
        What is stored, as it was given.
    """
    forms.show_problem()
    method = "none" if search is None else search.method
    # Everything is asked for by its button; as a method it shows only what was asked for.
    offers_everything = entry.takes in ("table", "image") and method != "everything"
    of_images = entry.takes == "image"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "search for better parameters",
            [name for name in METHODS if name in (method, *_OF_ONE)],
            wrap=True,
            format_func=lambda name: METHODS[name][0],
            required=True,
            help="A search trains many trials, measures each on rows that it didn't learn from, and trains the best.",
            **bound(f"{key}.method", method, lambda chosen: save(with_method(search, chosen, of_images=of_images))),
        )
        if offers_everything and st.button(
            "Try everything sensible",
            key=f"{key}.everything",
            icon=":material/auto_awesome:",
            help="Runs the catalogue on a budget and gives a leaderboard of accuracy, cost and time of one row.",
        ):
            save(with_method(search, "everything", of_images=of_images))
            st.rerun()
    st.caption(METHODS[method][1])
    if search is None:
        return None
    _budget(search, task, save, key)
    if search.method == "everything" and of_images:
        st.caption("Each network that takes images is trained with the options on this page.")
    elif search.method == "everything":
        st.caption("The recipe is completed for each: text encoded, numbers scaled and filled where it needs that.")
    else:
        _space(search, entry, save, fixed or {}, key, task)
    if spec is not None:
        _estimate(spec, key)
    return search


def with_method(search: SearchSpec | None, method: str, *, of_images: bool = False) -> SearchSpec | None:
    """Give a search by another method that keeps what fits it; None for "none".

    A first one has five folds; on images none, since a network learns for minutes on each.
    """
    if method == "none":
        return None
    before = search or SearchSpec(cv=None if of_images else 5)
    space = {} if method == "everything" else before.space
    estimators = before.estimators if method == "everything" else ()
    return before.model_copy(update={"method": method, "space": space, "estimators": estimators})


def _budget(search: SearchSpec, task: Task, save: Save, key: str) -> None:
    from workbench.evaluation.metrics import metrics_for

    def change(**parts: Any) -> None:
        save(search.model_copy(update=parts))

    metrics = metrics_for(task)
    with st.grid(2, min_column_width=130):
        st.number_input(
            "trials",
            1,
            10_000,
            help="Most trials; a space with fewer points ends sooner.",
            **bound(f"{key}.n_trials", search.n_trials, lambda value: change(n_trials=value)),
        )
        st.number_input(
            "minutes",
            0.0,
            10_080.0,
            step=1.0,
            format="%g",
            help="Most minutes of searching; 0 is no limit. The best so far is trained when they are over.",
            **bound(f"{key}.minutes", search.minutes or 0.0, lambda value: change(minutes=value or None)),
        )
        names = ["", *metrics]
        st.selectbox(
            "metric",
            names,
            format_func=lambda name: metrics[name].title if name else "the task's main one",
            help="What is to be best.",
            **bound(
                f"{key}.metric",
                search.metric if search.metric in metrics else "",
                lambda value: change(metric=value or None),
            ),
        )
        st.number_input(
            "folds",
            0,
            20,
            help="Each trial is trained on all folds but one, once for each; more is steadier, and slower. 0 measures "
            "on the validation part alone.",
            **bound(f"{key}.cv", search.cv or 0, lambda value: change(cv=value if value > 1 else None)),
        )
    if search.method in ("optuna", "random", "everything"):
        st.toggle(
            "end trials that fall behind",
            help="A trial whose folds so far leave it no plausible chance to become the best isn't measured further.",
            **bound(f"{key}.prune", search.prune, lambda value: change(prune=value)),
        )


def _space(search: SearchSpec, entry: EstimatorEntry, save: Save, fixed: dict[str, Any], key: str, task: Task) -> None:
    from workbench.training.searching.asking import catalogue_range, make_space, searchable

    def use_own(own: bool) -> None:
        save(search.model_copy(update={"space": search_ranges.proposed(entry, search, fixed, task) if own else {}}))

    st.toggle(
        "choose the ranges myself",
        help="Otherwise the ranges of the catalogue are searched, of parameters that aren't set by hand.",
        **bound(f"{key}.own", bool(search.space), use_own),
    )
    if not search.space:
        with messages.shown():
            found = make_space(entry, search, fixed=fixed, task=task)
            lines = [f"{search_ranges.label(each.name)}: {search_ranges.range_words(each)}" for each in found.all]
            st.caption("Searched: " + messages.plain("; ".join(lines)) + ".")
        return
    with st.grid(3, min_column_width=200):
        for name, parameter in searchable(entry).items():
            dimension = catalogue_range(parameter, name)
            if dimension is None or parameter.task not in (None, task):
                continue
            asked = search_ranges.written(search.space.get(name))
            such_as = "10, 20, none, or a range, such as 1 to 100"
            if parameter.type == "int_list":
                such_as = "64-32, 128: two, and one"
            st.text_input(
                search_ranges.label(name),
                help=f"{parameter.help} Write values, such as {such_as}. Empty isn't searched. The catalogue has "
                f"{search_ranges.range_words(dimension)}.",
                **bound(
                    f"{key}.space.{entry.name}.{name}",
                    asked,
                    _changed(search, entry, name, save),
                ),
            )


def _changed(search: SearchSpec, entry: EstimatorEntry, name: str, save: Save) -> Callable[[str], None]:
    def change(text: str) -> None:
        from workbench.training.searching.asking import make_space, searchable

        space = {other: wanted for other, wanted in search.space.items() if other != name}
        if text.strip():
            lists = searchable(entry)[name].type == "int_list"
            space[name] = search_ranges.read_range(text, name, lists=lists)
        changed = search.model_copy(update={"space": space})
        if space:
            make_space(entry, changed)  # refuses what can't be, before it is stored
        save(changed)

    return change


def _estimate(spec: Callable[[], RunSpec], key: str) -> None:
    from workbench.training.searching.estimating import estimate_apart

    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button(
            "Estimate the time",
            key=f"{key}.estimate",
            icon=":material/timer:",
            help="Times a few small fits in a process of their own; that takes some seconds.",
        )
        if asked:
            with st.spinner("Timing a small fit"):
                try:
                    found = estimate_apart(spec())
                    st.session_state[f"{key}.estimated"] = found.words
                except WorkbenchError as problem:
                    st.session_state.pop(f"{key}.estimated", None)
                    messages.error(problem)
        if said := st.session_state.get(f"{key}.estimated"):
            st.caption(messages.plain(said))
