"""The Predict page: form, answer, file, image."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from guest_packages import RAW_STEPS, STEPS, build, guests, raw_guests

from workbench import registry
from workbench.package import InputColumn
from workbench.ui import image_view, prediction_form, row_tables


@pytest.fixture
def published(settings, model_packages):
    for name in model_packages:
        registry.publish(model_packages[name], name)
    return settings


def shown_text(page) -> str:
    return "\n".join(str(entry.value) for entry in [*page.markdown, *page.caption])


def test_a_model_opens_by_itself_and_answers_at_once(open_page, published):
    page = open_page("predict")
    assert not page.exception
    assert page.query_params["model"] == "flowers"
    assert "Predicted species" in shown_text(page)


def test_the_form_has_a_widget_for_each_column(open_page, published):
    page = open_page("predict", model="passengers")
    labels = {box.label for box in [*page.selectbox, *page.number_input]}
    assert {"sex", "age", "pclass", "alone"} <= labels
    age = next(box for box in page.number_input if box.label == "age")
    assert "Training saw" in age.help and "Empty means missing" in age.help


def test_the_answer_follows_the_form_and_agrees_with_the_model(open_page, published):
    page = open_page("predict", model="passengers")
    for sex in ("female", "male"):
        next(box for box in page.selectbox if box.label == "sex").set_value(sex)
        page.run()
        assert not page.exception
        row = page.session_state["predict.row"]
        assert row["sex"] == sex
        predicted = registry.load_model("passengers").predict_frame([row])
        assert f"# {predicted['prediction'][0]}" in shown_text(page)
        assert f"probability {predicted[0, 1:].to_numpy().max():.1%}" in shown_text(page)


def test_missing_and_unseen_values_are_answered(open_page, published):
    page = open_page("predict", model="passengers")
    next(box for box in page.number_input if box.label == "age").set_value(None)
    next(box for box in page.selectbox if box.label == "sex").set_value("")
    page.run()
    assert not page.exception
    assert page.session_state["predict.row"]["age"] is None
    assert page.session_state["predict.row"]["sex"] is None


def test_a_value_outside_what_training_saw_is_told(open_page, published):
    page = open_page("predict", model="passengers")
    next(box for box in page.number_input if box.label == "age").set_value(140)
    page.run()
    assert "Training saw nothing like age = 140" in shown_text(page)


def test_an_example_row_fills_the_form(open_page, published):
    page = open_page("predict", model="flowers")
    next(box for box in page.selectbox if box.label == "Start from").set_value(3)
    page.run()
    background = pl.read_parquet(registry.resolve("flowers").folder / "background.parquet")
    assert page.session_state["predict.row"] == pytest.approx(background.row(3, named=True))


def test_a_regression_shows_its_value(open_page, published):
    page = open_page("predict", model="prices")
    assert not page.exception
    assert "Predicted fare" in shown_text(page)


def test_a_class_can_be_chosen_for_the_explanation(open_page, published):
    page = open_page("predict", model="flowers")
    next(box for box in page.selectbox if box.label == "Explain the probability of").set_value("virginica")
    page.run()
    assert "What moves the probability of species = virginica" in shown_text(page)


FEW = {"sex": ["female", "male"], "pclass": [1, 3], "alone": [True, False]}
CSV = "sex,age,pclass,alone,deck\nfemale,30,1,true,B\nmale,,3,false,\n"


def upload(page, content: str, name: str = "rows.csv"):
    page.file_uploader[0].upload(name, content.encode())
    return page.run()


def test_a_file_is_answered_row_by_row_and_ignored_columns_are_named(open_page, published):
    page = upload(open_page("predict", model="passengers"), CSV)
    assert not page.exception
    table = page.dataframe[-1].value
    assert len(table) == 2
    assert {"prediction", "probability_no", "probability_yes", "deck"} <= set(table.columns)
    assert "Ignored, since the model doesn't take them: `deck`" in shown_text(page)
    assert not (published.home / "tables").exists()  # a file to predict isn't kept
    assert not list((published.home / "uploads").iterdir())


def test_columns_of_the_file_that_are_named_like_the_answers_are_kept(open_page, published):
    content = "sex,age,pclass,alone,prediction,probability_yes\nfemale,30,1,true,B,0.25\nmale,,3,false,C,0.5\n"
    page = upload(open_page("predict", model="passengers"), content)
    assert not page.exception
    table = page.dataframe[-1].value
    assert table["file_prediction"].to_list() == ["B", "C"]
    assert table["file_probability_yes"].to_list() == [0.25, 0.5]
    assert set(table["prediction"]) <= {"no", "yes"}
    assert "`prediction` is now `file_prediction`" in shown_text(page)


def test_no_column_is_lost_beside_the_answers_whatever_it_is_called():
    answers = pl.DataFrame({"row": [0], "prediction": ["a"]})
    rows = pl.DataFrame({"row": [7], "prediction": ["b"], "table_row": [8]})
    both, renamed = row_tables.beside(answers, rows, prefix="table_")
    assert both.rows() == [(0, "a", 7, "b", 8)]
    assert renamed == {"row": "table_row_", "prediction": "table_prediction"}


def test_names_in_other_capitals_are_found_and_others_are_asked_for(open_page, published):
    content = CSV.replace("sex,age", "Sex,years").replace("pclass,alone", "P Class,company")
    page = upload(open_page("predict", model="passengers"), content)
    assert not page.exception
    assert "'Sex' was taken as 'sex'." in shown_text(page) and "'P Class' was taken as 'pclass'." in shown_text(page)
    assert "`age`, `alone` are not among the columns" in str(page.warning[0].value)
    boxes = {box.label: box for box in page.selectbox if box.key.startswith("predict.column.")}
    assert list(boxes) == ["age", "alone"]
    boxes["age"].set_value("years")
    submit = next(button for button in page.button if button.label == "Predict")
    submit.click().run()
    assert "Choose a column for `alone`" in shown_text(page)
    boxes = {box.label: box for box in page.selectbox if box.key.startswith("predict.column.")}
    boxes["alone"].set_value("not in the file: leave it empty")
    next(button for button in page.button if button.label == "Predict").click().run()
    page.run()
    assert not page.exception
    table = page.dataframe[-1].value
    rows = [
        {"sex": "female", "age": 30, "pclass": 1, "alone": None},
        {"sex": "male", "age": None, "pclass": 3, "alone": None},
    ]
    expected = registry.load_model("passengers").predict_frame(rows)
    assert table["prediction"].to_list() == expected["prediction"].to_list()
    assert table["probability_yes"].to_list() == pytest.approx(expected["probability_yes"].to_list())
    assert "`years` is `age`; `alone` is empty in each row." in shown_text(page)
    next(button for button in page.button if button.label == "Change").click().run()
    page.run()
    assert "not among the columns" in str(page.warning[0].value)


def test_how_a_file_is_read_is_corrected_in_place(open_page, published):
    content = "sex,age,pclass,alone\nfemale,30,1,true\nmale,not told,3,false\n"
    page = upload(open_page("predict", model="passengers"), content)
    assert "'not told'" in page.warning[0].proto.title
    key = next(entry.proto.id for entry in page.expander if entry.label == "Correct how it was read")
    key = key[key.index("predict.reread.") :]
    page.session_state[key] = True
    page.run()
    page.multiselect(key=f"{key}.missing").set_value(["?", "NA", "not told"]).run()
    page.button(key=f"{key}.go").click().run()
    page.run()
    assert not page.exception
    expected = registry.load_model("passengers").predict_frame({**FEW, "age": [30, None]})
    assert page.dataframe[-1].value["probability_yes"].to_list() == pytest.approx(expected["probability_yes"].to_list())
    assert not list((published.home / "uploads").iterdir())


def test_a_file_with_the_true_answers_gets_a_score(open_page, published):
    content = (
        "sex,age,pclass,alone,Survived\n"
        + "female,30,1,true,yes\nmale,40,3,false,no\nmale,20,2,true,yes\nmale,9,3,true,\n"
    )
    page = upload(open_page("predict", model="passengers"), content)
    assert not page.exception
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Accuracy"] == "0.6667"
    assert "Measured on 3 rows; 1 row without a known answer left out" in shown_text(page)
    assert "`survived`" not in shown_text(page).split("Ignored")[-1] or "Ignored" not in shown_text(page)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CSV.replace("30", "thirty"), "row 1"),
        ("sex,age,pclass,alone\n", "row"),
        ("", "empty"),
    ],
)
def test_a_file_that_does_not_fit_is_explained(open_page, published, content, said):
    page = upload(open_page("predict", model="passengers"), content)
    assert not page.exception
    assert any(said in f"{warning.title} {warning.value}" for warning in page.warning)


def test_a_gone_model_is_told_and_the_way_on_offered(open_page, published):
    page = open_page("predict", model="gone/7")
    assert not page.exception
    assert any("Got the model 'gone'" in (warning.title or "") for warning in page.warning)
    page.button(key="predict.use_demo").click().run()
    assert not page.exception
    assert page.query_params["model"] == "flowers"


@pytest.fixture
def guest_model(settings, tmp_path):
    letters = [f"Dear house {i}, what a good breakfast" for i in range(400)]
    build(
        tmp_path / "guests",
        RAW_STEPS,
        raw_guests().with_columns(letter=pl.Series(letters)),
        estimator="hist_gradient_boosting",
    )
    registry.publish(tmp_path / "guests", "guests")


def test_dates_have_a_calendar_and_free_text_an_area(open_page, guest_model):
    page = open_page("predict", model="guests")
    assert not page.exception
    seen = page.datetime_input[0]
    assert seen.label == "last\\_seen" and "Training saw 2020-01-01" in seen.help and "In UTC" in seen.help
    page.datetime_input[0].set_value(datetime(2022, 5, 1, 10, 30))
    (letter,) = page.text_area  # dates and prices that are written as text fit into a line
    letter.set_value("Good breakfast")
    page.run()
    assert not page.exception
    row = page.session_state["predict.row"]
    assert (row["last_seen"], row["letter"]) == ("2022-05-01 10:30:00", "Good breakfast")
    predicted = registry.load_model("guests").predict_frame([row])
    assert f"# {predicted['prediction'][0]}" in shown_text(page)
    page.datetime_input[0].set_value(None)
    page.run()
    assert page.session_state["predict.row"]["last_seen"] is None


def test_an_example_row_with_a_date_fills_the_form_and_the_code_shows_the_row(open_page, guest_model):
    page = open_page("predict", model="guests")
    background = pl.read_parquet(registry.resolve("guests").folder / "background.parquet")
    position = int(background["last_seen"].is_not_null().arg_max())
    next(box for box in page.selectbox if box.label == "Start from").set_value(position)
    page.run()
    moment = background["last_seen"][position]
    assert page.session_state["predict.row"]["last_seen"] == f"{moment:%Y-%m-%d %H:%M:%S}"
    page.run()
    assert any(f"{moment:%Y-%m-%d %H:%M}" in code.value for code in page.code)


def test_a_moment_beyond_training_is_told(open_page, guest_model):
    page = open_page("predict", model="guests")
    page.datetime_input[0].set_value(datetime(2031, 5, 1, 10, 30))
    page.run()
    assert not page.exception
    assert "Training saw nothing like last\\_seen = 2031" in shown_text(page)


def test_dates_without_a_time_and_moments_with_seconds_get_widgets_that_hold_them():
    day = InputColumn("day", "datetime", "datetime", "1890-05-01", "2024-05-01", example="2020-02-02", date_only=True)
    assert prediction_form.calendar(day) == (date(1890, 5, 1), date(2100, 12, 31))
    assert prediction_form.stored(day, datetime(2020, 2, 2)) == date(2020, 2, 2)
    assert prediction_form.stored(day, None) is None
    exact = InputColumn("at", "datetime", "datetime", "2020-01-01 00:00:07", "2024-05-01 00:00:00")
    assert not prediction_form.counts_minutes(exact)
    assert prediction_form.stored(exact, datetime(2020, 2, 2, 1, 2, 3)) == "2020-02-02 01:02:03"


def test_of_many_columns_the_most_important_ones_come_first():
    names = [f"c{i}" for i in range(30)]
    assert prediction_form.first_columns(names[:20], []) == set(names[:20])
    assert prediction_form.first_columns(names, []) == set(names[:12])
    ranked = ["c29", "gone", "c17", *names]
    assert prediction_form.first_columns(names, ranked) == {"c29", "c17", *names[:10]}


def test_a_stored_explanation_decides_what_stands_above(open_page, settings, tmp_path):
    from workbench.explain import start_explanation

    frame = guests().with_columns(pl.lit(1.0).alias(f"nothing {i}") for i in range(20))
    frame = frame.select("stayed", *(f"nothing {i}" for i in range(20)), *guests().columns[:-1])
    build(tmp_path / "wide", STEPS, frame)
    registry.publish(tmp_path / "wide", "wide")
    assert "20 more columns" not in [box.label for box in open_page("predict", model="wide").expander]
    start_explanation(registry.resolve("wide").folder, n_rows=5).result(120)
    page = open_page("predict", model="wide")
    assert not page.exception
    (box,) = [box for box in page.expander if "columns" in box.label]
    assert box.label == "13 less important columns"
    assert not box.datetime_input and page.datetime_input[0].label == "last\\_seen"


def test_steps_and_digits_fit_the_range():
    small = InputColumn("share", "number", "number", minimum=0.0, maximum=1.0, median=0.5, q05=0.1, q95=0.9)
    step, digits = prediction_form.step_of(small)
    assert (step, digits) == (0.01, 3)
    large = InputColumn(
        "rooms", "number", "number", minimum=2, maximum=40_000, median=2000, q05=600, q95=6000, integer=True
    )
    assert prediction_form.step_of(large) == (100.0, 0)


def test_a_column_that_is_mostly_missing_starts_missing():
    boat = InputColumn(
        "boat", "string", "category", categories=["13"], n_categories=1, n_missing_share=0.63, example="13"
    )
    assert prediction_form.typical(boat) is None


def test_pixels_become_an_image():
    names = [f"pixel_{r}_{c}" for r in range(2) for c in range(3)]
    assert image_view.image_shape(names) == (2, 3)
    assert image_view.image_shape([*names, "age"]) is None
    grid = image_view.grid_of({"pixel_0_1": 4.0, "pixel_1_2": 9, "pixel_0_0": None}, (2, 3))
    assert grid[0, 1] == 4.0 and grid[1, 2] == 9.0
    assert np.isnan(grid).sum() == 1  # the missing one; pixels without a column are 0
