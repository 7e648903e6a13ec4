"""The Train page: the form that edits the draft, a run watched live, and the list of runs."""

from __future__ import annotations

import types

import pytest

from workbench.data import sample
from workbench.estimators.spec import EstimatorSpec
from workbench.training.listing import open_run
from workbench.training.search_spec import SearchRange, SearchSpec
from workbench.ui import drafts


def draft(name="iris"):
    return drafts.load(sample(name))


def messages_of(page):
    return [f"{warning.proto.title} {warning.value}" for warning in page.warning]


def test_the_cards_are_those_of_the_task(open_page):
    page = open_page("train", table="diabetes")
    keys = [button.key for button in page.pills(key="train.family").set_value("all").run().button]
    assert "train.choose.linear_regression" in keys
    assert "train.choose.logistic_regression" not in keys


def test_a_chosen_estimator_and_its_parameters_are_stored(open_page):
    page = open_page("train", table="iris")
    assert page.pills(key="train.family").value == "trees"  # that of the estimator that is chosen
    page.button(key="train.choose.random_forest").click().run()
    page.number_input(key="train.param.random_forest.n_estimators").set_value(50).run()
    assert draft().estimator == EstimatorSpec(name="random_forest", params={"n_estimators": 50})
    page.number_input(key="train.param.random_forest.n_estimators").set_value(200).run()
    assert draft().estimator.params == {}  # what equals a default isn't written
    assert not page.exception


@pytest.mark.parametrize(
    ("estimator", "of_classes", "of_numbers"),
    [
        ("random_forest", {"class_weight"}, set()),
        ("decision_tree", {"class_weight", "criterion"}, set()),
        ("svm", {"class_weight"}, {"epsilon"}),
        ("baseline", set(), {"strategy"}),
        ("dense_network", {"class_weight", "label_smoothing"}, set()),
    ],
)
def test_a_parameter_is_offered_only_where_it_does_something(open_page, estimator, of_classes, of_numbers):
    offered = {}
    for name, target in (("iris", "species"), ("diabetes", "progression")):
        drafts.update(sample(name), target=target, estimator=EstimatorSpec(name=estimator))
        page = open_page("train", table=name)
        assert not page.exception
        keys = {widget.key for widget in [*page.selectbox, *page.number_input, *page.button_group] if widget.key}
        offered[name] = {key.rsplit(".", 1)[-1] for key in keys}
    known = of_classes | of_numbers
    assert (offered["iris"] & known, offered["diabetes"] & known) == (of_classes, of_numbers)


def test_each_parameter_has_a_range_and_a_sentence(open_page):
    page = open_page("train", table="iris")
    widget = page.number_input(key="train.param.hist_gradient_boosting.learning_rate")
    assert "How much each round corrects" in widget.help
    assert "0.001 to 1" in widget.help


def test_a_value_that_is_no_list_of_numbers_is_refused(open_page):
    drafts.update(sample("iris"), estimator=EstimatorSpec(name="dense_network"))
    page = open_page("train", table="iris")
    page.text_input(key="train.param.dense_network.layers").set_value("many").run()
    assert any("Got 'many' for layers" in message for message in messages_of(page))
    page.text_input(key="train.param.dense_network.layers").set_value("16, 8").run()
    assert list(draft().estimator.params["layers"]) == [16, 8]
    assert not page.warning


def test_training_options_are_stored(open_page):
    drafts.update(sample("iris"), estimator=EstimatorSpec(name="dense_network"))
    page = open_page("train", table="iris")
    page.number_input(key="train.epochs").set_value(3).run()
    page.toggle(key="train.stopping").set_value(True).run()
    page.number_input(key="train.patience").set_value(2).run()
    page.toggle(key="train.plateau").set_value(True).run()
    training = draft().training
    assert (training.epochs, training.early_stopping.patience) == (3, 2)
    assert training.reduce_lr_on_plateau is not None


def test_early_stopping_of_boosting_is_shown_as_it_acts(open_page):
    page = open_page("train", table="iris")
    assert draft().estimator.name == "hist_gradient_boosting" and draft().training.early_stopping is None
    assert page.toggle(key="train.stopping").value
    assert page.number_input(key="train.patience").value == 25
    page.toggle(key="train.stopping").set_value(False).run()
    assert draft().training.early_stopping.patience == 10_000
    assert not page.toggle(key="train.stopping").value
    page.toggle(key="train.stopping").set_value(True).run()
    assert draft().training.early_stopping is None
    page.number_input(key="train.patience").set_value(7).run()
    assert draft().training.early_stopping.patience == 7
    drafts.update(sample("iris"), split=draft().split.model_copy(update={"validation": 0.0}))
    drafts.update(sample("iris"), training=draft().training.model_copy(update={"early_stopping": None}))
    assert not open_page("train", table="iris").toggle(key="train.stopping").value


def test_everything_is_asked_for_once_and_names_the_run(open_page, monkeypatch):
    started = []

    def start(spec, **about):
        started.append(spec)
        return types.SimpleNamespace(id="iris-everything-0000")

    monkeypatch.setattr("workbench.training.starting.start", start)
    page = open_page("train", table="iris")
    page.button(key="train.search.everything").click().run()
    page.button(key="train.start").click().run()
    assert started[0].search.method == "everything"
    assert started[0].name == "iris-everything"
    assert draft().search is None


def test_combining_runs_asks_for_runs_and_drops_the_search(open_page):
    drafts.update(sample("iris"), search=SearchSpec(method="random", n_trials=3))
    page = open_page("train", table="iris")
    page.pills(key="train.family").set_value("combined").run()
    page.button(key="train.choose.stacking").click().run()
    assert not page.exception
    assert draft().search is None
    assert page.button(key="train.start").disabled
    assert any("Got 0 runs to combine" in message for message in messages_of(page))


def test_another_estimator_keeps_the_search_but_not_its_ranges(open_page):
    space = {"max_iter": SearchRange(values=(10, 20))}
    drafts.update(sample("iris"), search=SearchSpec(method="random", n_trials=3, space=space))
    page = open_page("train", table="iris")
    page.button(key="train.choose.random_forest").click().run()
    assert not page.exception
    assert (draft().search.n_trials, draft().search.space) == (3, {})


def test_a_name_that_cannot_be_a_folder_is_refused(open_page):
    page = open_page("train", table="iris")
    page.text_input(key="train.name").set_value("../evil").run()
    assert any("name" in message for message in messages_of(page))
    assert draft().name is None


def test_a_recipe_that_leaves_text_offers_the_suggestion_before_the_start(open_page):
    page = open_page("train", table="titanic")
    assert page.button(key="train.start").disabled
    assert any("still text" in message for message in messages_of(page))
    page.button(key="train.use_suggested").click().run()
    assert not page.warning
    assert not page.button(key="train.start").disabled


def test_a_task_that_the_estimator_cannot_learn_moves_to_one_that_can(open_page):
    drafts.update(sample("diabetes"), estimator=EstimatorSpec(name="logistic_regression"))
    page = open_page("train", table="diabetes")
    assert not page.exception
    assert draft("diabetes").estimator.name != "logistic_regression"


def test_without_runs_the_list_and_the_view_say_how_to_get_one(open_page):
    page = open_page("train", table="iris")
    page.segmented_control(key="train.view").set_value("runs").run()
    assert any("are listed here" in caption.value for caption in page.caption)
    page.segmented_control(key="train.view").set_value("watch").run()
    assert not page.exception
    assert page.button(key="page.missing.run")


@pytest.mark.timeout(180)
def test_a_run_is_started_watched_listed_and_run_again(open_page, settings):
    drafts.update(sample("iris"), estimator=EstimatorSpec(name="logistic_regression"))
    page = open_page("train", table="iris")
    page.button(key="train.start").click().run()
    assert not page.exception
    run_id = page.query_params["run"]
    assert run_id.startswith("iris-logistic-regression-")

    open_run(run_id, settings=settings).wait(150)
    page = open_page("train", run=run_id)  # as in a second browser, from the address alone
    assert not page.exception
    assert any("150 rows" in link.value for link in page.page_link)
    assert any(f"{run_id} · finished" in link.value for link in page.page_link)
    assert any(metric.label == "accuracy, test" for metric in page.metric), "the metric that Evaluate shows first"
    assert page.button(key="train.evaluate")

    home = open_page("home")
    assert any(run_id in link.value for link in home.page_link)
    page.segmented_control(key="train.view").set_value("runs").run()
    assert run_id in page.dataframe[0].value["run"].tolist()

    page.segmented_control(key="train.view").set_value("watch").run()
    page.button(key="train.again").click().run()
    assert not page.exception
    assert "run" not in page.query_params
    assert draft().estimator.name == "logistic_regression"
