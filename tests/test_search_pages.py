"""The pictures of a search, and its form and view as pages draw them."""

from __future__ import annotations

import polars as pl
import pytest
from search_runs import folder_of, search, spec_of
from streamlit.testing.v1 import AppTest

from workbench import plots, storage
from workbench.errors import SpecError
from workbench.training.search_spec import SearchRange
from workbench.training.searching import leaderboard_frame, read_trials, trials_frame
from workbench.ui.search_form import with_method
from workbench.ui.search_ranges import proposed, read_range, written

SPACE = {"max_depth": [1, 2, None], "min_samples_leaf": [1, 20, 100]}


@pytest.fixture
def searched(settings, tmp_path):
    """A run folder with a finished search of nine trials."""
    spec = spec_of(tmp_path, {"method": "grid", "cv": 2, "metric": "log_loss", "space": SPACE})
    folder = folder_of(settings, "searched-1")
    storage.write_json(folder / "spec.json", spec.to_dict())
    search(spec, settings, folder=folder)
    return folder


def test_the_history_shows_every_trial_and_the_best_so_far(searched):
    frame = trials_frame(read_trials(searched))
    figure = plots.search_history(frame, metric="Log loss", better="lower")
    best = next(trace for trace in figure.data if trace.name == "best so far")
    assert list(best.y) == list(pl.Series(frame["value"]).cum_min())
    assert "best Log loss" in figure.layout.meta["alt"]
    assert "9 trials measured in full" in figure.layout.meta["alt"]


def test_parallel_coordinates_put_no_limit_above_the_largest_number(searched):
    frame = trials_frame(read_trials(searched))
    figure = plots.search_parallel(
        frame, ["max_depth", "min_samples_leaf"], metric="Log loss", log=["min_samples_leaf"]
    )
    depth, leaf, value = figure.data[0].dimensions
    assert "none" in depth.ticktext
    assert depth.tickvals[depth.ticktext.index("none")] == max(depth.values)
    assert set(leaf.ticktext) == {"1", "20", "100"}
    assert value.label == "Log loss"


def test_words_and_single_trials_have_a_picture_or_a_sentence():
    frame = pl.DataFrame(
        {"number": [1, 2], "status": ["finished"] * 2, "value": [0.1, 0.2], "kind": ["a", None], "best": [0.1, 0.2]}
    )
    assert list(plots.search_parallel(frame, ["kind"]).data[0].dimensions[0].ticktext) == ["a", "none"]
    assert "Two trials" in plots.search_parallel(frame.head(1), ["kind"]).layout.annotations[0].text
    assert "Waiting" in plots.search_history(frame.head(0)).layout.annotations[0].text
    assert "eight trials" in plots.search_importance({}).layout.annotations[0].text


def test_the_most_important_parameter_is_at_the_top():
    figure = plots.search_importance({"a": 0.1, "b": 0.7}, metric="ROC AUC", n_trials=20)
    assert list(figure.data[0].y) == ["a", "b"]
    assert "b most, 70%" in figure.layout.meta["alt"]


def test_the_leaderboard_has_cost_beside_accuracy(searched):
    frame = leaderboard_frame(read_trials(searched))
    figure = plots.leaderboard_bars(frame, metric="Log loss", better="lower")
    value, cost = figure.data
    assert list(value.error_x.array) == frame["std"].reverse().to_list()
    assert cost.xaxis == "x2"
    assert "s to fit" in figure.layout.xaxis2.title.text


def _view(run_id):
    from workbench.settings import current
    from workbench.training.run import Run
    from workbench.ui import search_view

    search_view.show(Run(current().runs / run_id))


def test_the_view_shows_leaderboard_history_and_importance(searched):
    app = AppTest.from_function(_view, kwargs={"run_id": searched.name}, default_timeout=60).run()
    assert not app.exception
    assert "9 trials measured in full, trial" in app.markdown[0].value.replace("\\", "")
    assert len(app.dataframe[0].value) == 9
    assert any("Best first" in caption.value for caption in app.caption)


def test_a_run_without_a_search_and_one_without_trials_say_so(settings, tmp_path):
    folder = folder_of(settings, "waiting-1")
    spec = spec_of(tmp_path, {"cv": 2, "space": SPACE})
    storage.write_json(folder / "spec.json", spec.to_dict())
    app = AppTest.from_function(_view, kwargs={"run_id": folder.name}, default_timeout=60).run()
    assert "Waiting for the first trial" in app.caption[0].value
    storage.write_json(folder / "spec.json", spec.model_copy(update={"search": None}).to_dict())
    app = AppTest.from_function(_view, kwargs={"run_id": folder.name}, default_timeout=60).run()
    assert "has no search" in app.caption[0].value


def _form():
    import streamlit as st

    from workbench.estimators.catalogue import entry
    from workbench.ui import search_form

    search_form.draw(
        st.session_state.get("stored"),
        entry("random_forest"),
        task="classification",
        save=lambda search: st.session_state.update(stored=search),
    )


def test_the_form_stores_method_budget_and_ranges():
    app = AppTest.from_function(_form, default_timeout=60).run()
    assert not app.exception
    app.segmented_control(key="search.method").set_value("optuna").run()
    assert app.session_state["stored"].method == "optuna"
    app.number_input(key="search.n_trials").set_value(12).run()
    app.selectbox(key="search.metric").set_value("log_loss").run()
    app.toggle(key="search.own").set_value(True).run()
    assert "max_depth" in app.session_state["stored"].space
    app.text_input(key="search.space.random_forest.max_depth").set_value("3, 9, none").run()
    stored = app.session_state["stored"]
    assert (stored.n_trials, stored.metric) == (12, "log_loss")
    assert stored.space["max_depth"].values == (3, 9, None)
    assert not app.exception


def test_a_range_that_cannot_be_is_told_and_not_stored():
    app = AppTest.from_function(_form, default_timeout=60).run()
    app.segmented_control(key="search.method").set_value("random").run()
    app.toggle(key="search.own").set_value(True).run()
    before = app.session_state["stored"]
    app.text_input(key="search.space.random_forest.max_depth").set_value("0, 900").run()
    assert app.session_state["stored"] == before
    assert any("depth=0 for random" in str(warning.proto).replace("\\", "") for warning in app.warning)


def test_one_button_asks_for_everything():
    app = AppTest.from_function(_form, default_timeout=60).run()
    app.button(key="search.everything").click().run()
    assert app.session_state["stored"].method == "everything"
    assert app.session_state["stored"].space == {}


def test_what_a_field_shows_is_read_back():
    from workbench.estimators.catalogue import entry
    from workbench.training.search_spec import SearchSpec

    for wanted in proposed(entry("hist_gradient_boosting"), SearchSpec(), {}, "classification").values():
        read = read_range(written(wanted), "x")
        assert (read.values, read.low, read.high) == (wanted.values, wanted.low, wanted.high)
    with pytest.raises(SpecError, match="the smaller number first"):
        read_range("9 to 2", "x")
    assert read_range("gini, true, 0.5", "x") == SearchRange(values=("gini", True, 0.5))
    assert with_method(None, "none") is None
    layers = SearchRange(values=((64, 32), (128,)))
    assert read_range(written(layers), "layers", lists=True) == layers
    assert with_method(None, "optuna").cv == 5
    assert with_method(None, "optuna", of_images=True).cv is None
