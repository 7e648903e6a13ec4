"""Column steps: what they compute, alike in training, at prediction and in the graph."""

from __future__ import annotations

import math
from datetime import date, datetime

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest
from pydantic import TypeAdapter

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe import FittedRecipe, Step, apply_column_steps, fit_recipe
from workbench.recipe.entering import Entry
from workbench.recipe.text_forms import number_form_of


def steps_of(*documents: dict) -> tuple[Step, ...]:
    return TypeAdapter(tuple[Step, ...]).validate_python(documents)


def column(values: list, *documents: dict, name: str = "a") -> list:
    return apply_column_steps(pl.DataFrame({"a": values}), steps_of(*documents))[name].to_list()


def convert(to: str, **options) -> dict:
    return {"step": "convert", "columns": ["a"], "to": to, **options}


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("12", 12.0), (" 12 kg ", 12.0), ("$ 3.50", 3.5), ("45 %", 45.0), ("1,234.5 km/h", 1234.5), ("-$5", -5.0),
        ("USD 3", 3.0), ("1e3", 1000.0), ("\u22124", -4.0), ("90\u00b0C", 90.0), ("1 234", 1234.0), (".5", 0.5),
        ("> 100", 100.0),
        ("1,23", None), ("12-34", None), ("3 to 5", None), ("Room 5", None), ("nan", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_numbers_written_as_text_are_read(written, number):
    assert column([written, "1"], convert("number"))[0] == number


def test_a_decimal_comma_and_units_are_choices():
    assert column(["1.234,5 km", "1,5"], convert("number", decimal=",")) == [1234.5, 1.5]
    assert column(["12 kg", "12"], convert("number", units=False)) == [None, 12.0]


def test_yes_and_no_are_read_in_words_and_numbers():
    assert column(["Yes", "no", "Ja", "0", "maybe", None], convert("boolean")) == [True, False, True, False, None, None]
    assert column([1.0, 0.0, 2.0, math.nan], convert("boolean")) == [True, False, None, None]
    assert column([True, False, None], convert("number")) == [1.0, 0.0, None]


def test_codes_become_text():
    assert column([3, None, -1], convert("text")) == ["3", None, "-1"]
    assert column([0.5, math.inf], convert("text")) == ["0.5", None]
    assert column([True, None], convert("text")) == ["true", None]


def test_dates_are_read_by_format_and_misfits_are_missing():
    parse = {"step": "parse_dates", "columns": ["a"]}
    assert column(["31.12.2024", "32.12.2024", "", None], {**parse, "format": "%d.%m.%Y"}) == [
        datetime(2024, 12, 31),
        None,
        None,
        None,
    ]
    assert column(["2024-12-31", "2024-12-31T23:59:01Z", "2024-02-30"], parse) == [
        datetime(2024, 12, 31),
        datetime(2024, 12, 31, 23, 59, 1),
        None,
    ]


def test_date_parts_stand_in_the_place_of_the_date():
    frame = pl.DataFrame({"day": [date(2024, 12, 30), None], "z": [1, 2]})
    parts = {"step": "date_parts", "columns": ["day"], "parts": ["year", "week", "is_weekend", "seconds_since_1970"]}
    made = apply_column_steps(frame, steps_of(parts))
    assert made.columns == ["day_year", "day_week", "day_is_weekend", "day_seconds_since_1970", "z"]
    assert made.row(0) == (2024, 1, 0, 1735516800.0, 1)
    assert made.row(1)[:4] == (None,) * 4
    assert apply_column_steps(frame, steps_of({**parts, "drop": False})).columns[0] == "day"


def test_missing_values_are_flagged():
    assert column([1.0, None, math.inf], {"step": "flag_missing", "columns": ["a"]}, name="a_missing") == [0, 1, 1]
    assert column(["x", "", None], {"step": "flag_missing", "columns": ["a"]}, name="a_missing") == [0, 1, 1]


@pytest.mark.parametrize(
    ("operation", "written", "cleaned"),
    [
        ("strip", "  a ", "a"), ("lower_case", "\u00c9A", "\u00e9a"), ("collapse_spaces", "a \t b", "a b"),
        ("remove_html", "<b>x</b> &amp; y", " x  & y"), ("remove_urls", "see http://a.b/c now", "see   now"),
        ("remove_punctuation", "don't, stop!", "dont  stop "), ("remove_digits", "a1b22", "ab"),
        ("remove_accents", "Cr\u00e8me \u0141", "Creme L"), ("strip_full_stop", "<=50K.", "<=50K"),
        ("remove_digits", "12", None),
    ],
)  # fmt: skip
def test_text_is_cleaned(operation, written, cleaned):
    assert column([written], {"step": "clean_text", "columns": ["a"], "operations": [operation]}) == [cleaned]


def test_columns_are_renamed_in_their_place_and_may_swap_names():
    frame = pl.DataFrame({"a": [1], "b": [2], "c": [3]})
    assert apply_column_steps(frame, steps_of({"step": "rename", "names": {"a": "x"}})).columns == ["x", "b", "c"]
    swapped = apply_column_steps(frame, steps_of({"step": "rename", "names": {"a": "b", "b": "a"}}))
    assert swapped.row(0, named=True) == {"b": 1, "a": 2, "c": 3}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"step": "rename", "names": {"a": "b"}}, r"Step 1 \(rename\): got the new name 'b' twice.*Choose another"),
        ({"step": "calculate", "name": "b", "expression": "a"}, r"new name 'b', which a column already has"),
        ({"step": "date_parts", "columns": ["a"]}, r"column 'a' holds numbers, needed dates"),
        ({"step": "date_parts", "columns": ["t"]}, r"'t' holds text, needed dates. Put the step parse_dates in front"),
        ({"step": "clean_text", "columns": ["a"]}, r"'a' holds numbers, needed text. Put the step convert"),
        (
            {"step": "parse_dates", "columns": ["t"], "format": "dd.mm"},
            r"got the format 'dd.mm', needed one that reads",
        ),
        ({"step": "convert", "columns": ["z"], "to": "text"}, r"got column 'z', needed one of the 3 columns"),
    ],
)
def test_what_cannot_be_done_is_refused(document, message):
    with pytest.raises(RecipeError, match=message):
        apply_column_steps(pl.DataFrame({"a": [1], "b": [2], "t": ["x"]}), steps_of(document))


TABLE = pl.DataFrame(
    {
        "born": [datetime(1990, 5, 17, 13, 5), None, datetime(2001, 1, 1), datetime(1969, 12, 31, 23, 59, 59)],
        "fare": [1.5, None, 0.0, 7.0],
        "n": [1, 2, 3, 4],
        "alone": [True, False, None, True],
        "port": ["S", "C", None, "S"],
        "y": [0, 1, 0, 1],
    }
)
GRAPHED = steps_of(
    {"step": "flag_missing", "columns": ["fare", "port", "born", "alone"]},
    {"step": "date_parts", "columns": ["born"], "parts": ["year", "month", "day", "weekday", "hour", "day_of_year"]},
    {"step": "rename", "names": {"fare": "price", "n": "count"}},
    {"step": "calculate", "name": "each", "expression": "if_else(port == 'S', price / count, log1p(price))"},
    {"step": "convert", "columns": ["alone"], "to": "number"},
    {"step": "drop_columns", "columns": ["count"]},
    {"step": "impute", "columns": ["each", "price"]},
    {"step": "one_hot", "columns": ["port"]},
)


def features_of_graph(recipe: FittedRecipe, frame: pl.DataFrame) -> np.ndarray:
    arrays = recipe.enter(frame) if recipe.needs_frame else _raw(recipe, frame)
    types = recipe.inner_types if recipe.needs_frame else recipe.input_types
    graph = GraphBuilder()
    inputs = {name: graph.input(name, "string" if kind == "string" else "number") for name, kind in types.items()}
    graph.output("features", recipe.emit(graph, inputs), "double", [None, recipe.n_features])
    session = ort.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, arrays)[0]


def _raw(recipe: FittedRecipe, frame: pl.DataFrame) -> dict[str, np.ndarray]:
    from workbench.data.encoding import to_arrays

    return to_arrays(frame, recipe.input_columns)


def test_steps_with_a_graph_need_no_frame_in_front_and_give_the_same_features():
    recipe = fit_recipe(GRAPHED, TABLE, target="y")
    assert not recipe.needs_frame
    assert recipe.input_columns == ["born", "fare", "n", "alone", "port"]
    assert recipe.input_types["born"] == "datetime"
    np.testing.assert_allclose(features_of_graph(recipe, TABLE), recipe.transform(TABLE), rtol=1e-12)


def test_features_know_their_raw_columns():
    recipe = fit_recipe(GRAPHED, TABLE, target="y")
    sources = dict(zip(recipe.feature_names, recipe.feature_sources, strict=True))
    assert sources["born_year"] == "born"
    assert sources["price"] == sources["fare_missing"] == "fare"
    assert sources["port=S"] == "port"
    assert sources["each"] == "port"
    assert recipe.joint
    assert not fit_recipe(GRAPHED[2:3], TABLE.select("fare", "n", "y"), target="y").joint


def test_steps_without_a_graph_run_in_front_of_it(tmp_path):
    frame = TABLE.with_columns(
        text=pl.Series(["1 kg", "x", "3 kg", ""]), day=pl.Series(["1.2.2024", "", "3.2.2024", "x"])
    )
    steps = steps_of(
        {"step": "convert", "columns": ["text"], "to": "number"},
        {"step": "parse_dates", "columns": ["day"], "format": "%d.%m.%Y"},
        {"step": "date_parts", "columns": ["day", "born"]},
        {"step": "clean_text", "columns": ["port"], "operations": ["lower_case"]},
        {"step": "one_hot", "columns": ["port"]},
    )
    recipe = fit_recipe(steps, frame, target="y")
    assert recipe.needs_frame
    assert "text" in recipe.input_columns
    assert recipe.input_types["day"] == "string"
    np.testing.assert_array_equal(features_of_graph(recipe, frame), recipe.transform(frame))
    recipe.save(tmp_path)
    again = FittedRecipe.load(tmp_path)
    np.testing.assert_array_equal(again.transform(frame), recipe.transform(frame))
    assert again.input_types == recipe.input_types
    entry = Entry.from_dict(recipe.entry.to_dict())
    for name, array in recipe.enter(frame).items():
        np.testing.assert_array_equal(entry.enter(frame)[name], array)


def test_a_request_may_give_columns_as_numbers_and_text():
    recipe = fit_recipe(GRAPHED, TABLE, target="y")
    seconds = TABLE["born"].dt.epoch("us") / 1e6
    request = TABLE.drop("y").with_columns(
        born=seconds, n=pl.col("n").cast(pl.Float64), alone=pl.col("alone").cast(pl.Float64)
    )
    np.testing.assert_array_equal(recipe.transform(request), recipe.transform(TABLE))
    nothing = pl.DataFrame({name: [None] for name in recipe.input_columns})
    assert recipe.transform(nothing).shape == (1, recipe.n_features)


def test_a_target_is_cleaned_where_it_is_there_and_asked_of_no_request():
    frame = TABLE.with_columns(y=pl.Series(["no.", "yes", "no", "yes."])).select("fare", "n", "y")
    steps = steps_of({"step": "clean_text", "columns": ["y"], "operations": ["strip_full_stop"]})
    assert apply_column_steps(frame, steps, target="y")["y"].to_list() == ["no", "yes", "no", "yes"]
    recipe = fit_recipe(steps, frame, target="y")
    assert recipe.input_columns == ["fare", "n"]
    assert recipe.transform(frame.drop("y")).shape == (4, 2)


def test_only_the_raw_columns_that_features_come_from_are_inputs():
    steps = steps_of(
        {"step": "calculate", "name": "rate", "expression": "fare / n"},
        {"step": "drop_columns", "columns": ["fare", "n", "born", "alone", "port"]},
    )
    recipe = fit_recipe(steps, TABLE, target="y")
    assert (recipe.input_columns, recipe.feature_names) == (["fare", "n"], ["rate"])


@pytest.mark.parametrize(
    ("values", "decimal"),
    [
        (["12 kg", "3.5 kg", "7"], "."),
        (["> 100", "85", "<= 20"], "."),
        (["EUR 1.200,50", "EUR 3,5"], ","),
        (["1 day", "2 days"], "."),
        (["PAL0708", "PAL0709"], None),
        (["ISO 9001", "ABC-123"], None),
        (["12A", "12B", "14C"], None),
        (["2024Q1", "2024Q2"], None),
        (["12 Main Street", "14 Oak Avenue"], None),
        (["800 g", "1 kg"], None),
        (["$3", "€4"], None),
    ],
)
def test_only_numbers_with_one_unit_are_suggested_as_numbers(values, decimal):
    assert number_form_of(pl.Series(values)) == decimal
