"""What a model takes: rows of any form are checked, and refused with column, row, value and remedy."""

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from workbench.errors import InputError, PackageError
from workbench.package import InputColumn, Signature, make_signature
from workbench.package.describing import describe_column
from workbench.recipe import fit_recipe
from workbench.recipe.spec import OneHot


@pytest.fixture(scope="module")
def signature():
    train = pl.DataFrame(
        {
            "age": [20, 30, None, 40, 50],
            "fare": [1.5, 2.5, 3.5, 4.5, 5.5],
            "adult": [True, True, False, True, True],
            "sex": ["f", "m", "m", None, "m"],
            "survived": [0, 1, 0, 1, 1],
        }
    )
    recipe = fit_recipe([OneHot(columns=["sex"])], train, target="survived")
    return make_signature(recipe, train, "survived", "classification", [0, 1])


GOOD = {"age": 31, "fare": 7.25, "adult": True, "sex": "f"}


def test_a_signature_tells_what_training_looked_like(signature):
    age = signature.column("age")
    assert (age.type, age.minimum, age.maximum, age.median, age.integer) == ("number", 20, 50, 35, True)
    assert age.n_missing_share == pytest.approx(0.2)
    assert not signature.column("fare").integer
    sex = signature.column("sex")
    assert (sex.type, sex.categories, sex.n_categories, sex.example) == ("string", ["m", "f"], 2, "m")
    assert signature.column("adult").kind == "boolean"


def test_a_signature_survives_json(signature):
    assert signature.to_dict()["format"] == 1  # nothing here that an earlier workbench can't read
    assert Signature.from_dict(json.loads(json.dumps(signature.to_dict()))) == signature


@pytest.mark.parametrize(
    ("document", "words"),
    [({"format": 9}, "signature of format 9, needed 3 or earlier"), ({}, "can't be read"), (None, "can't be read")],
)
def test_a_signature_of_another_format_is_refused(document, words):
    with pytest.raises(PackageError, match=words):
        Signature.from_dict(document)


def test_an_unknown_column_name_is_answered_with_the_known_ones(signature):
    with pytest.raises(InputError, match="Got the column 'agee', needed one of 'age', 'fare'"):
        signature.column("agee")


@pytest.mark.parametrize(
    "rows",
    [
        [GOOD],
        GOOD,
        {name: [value] for name, value in GOOD.items()},
        {name: np.array([value]) for name, value in GOOD.items()},
        pl.DataFrame([GOOD]),
        pd.DataFrame([GOOD]),
        pl.DataFrame({name: [str(value)] for name, value in (GOOD | {"adult": 1}).items()}),
        pd.DataFrame([{name: str(value) for name, value in (GOOD | {"adult": 1}).items()}]),
        pl.DataFrame([GOOD]).with_columns(pl.col("sex").cast(pl.Categorical), pl.col("fare").cast(pl.Decimal(10, 2))),
        pl.LazyFrame([GOOD]),
        pa.Table.from_pylist([GOOD]),
        pa.RecordBatch.from_pylist([GOOD]),
        pa.Table.from_pylist([GOOD]).to_reader(),
        pd.DataFrame([GOOD]).set_index("sex"),
        [GOOD | {"fare": Decimal("7.25"), "age": np.int64(31), "adult": np.bool_(True), "sex": np.str_("f")}],
    ],
)
def test_the_same_row_in_any_form_becomes_the_same_arrays(signature, rows):
    checked = signature.check(rows)
    assert list(checked.arrays) == ["age", "fare", "adult", "sex"]
    assert [array.tolist() for array in checked.arrays.values()] == [[31.0], [7.25], [1.0], ["f"]]
    assert checked.arrays["sex"].dtype == object
    assert checked.frame.rows() == [(31.0, 7.25, 1.0, "f")]


@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA, pd.NaT])
def test_a_missing_value_is_allowed_in_every_column(signature, gap):
    checked = signature.check([dict.fromkeys(GOOD, gap), GOOD])
    assert math.isnan(checked.arrays["age"][0]) and checked.arrays["sex"][0] == ""
    assert checked.frame.row(0) == (None, None, None, None)


def test_missing_values_in_frames_are_understood(signature):
    empty = pl.DataFrame({"age": [None], "fare": [float("nan")], "adult": [""], "sex": [None]})
    assert signature.check(empty).frame.row(0) == (None, None, None, None)
    frame = pd.DataFrame({"age": [None, 3], "fare": [np.nan, 1.0], "adult": [pd.NA, True], "sex": [None, "f"]})
    assert signature.check(frame).frame.row(0) == (None, None, None, None)
    assert signature.check(frame).frame.row(1) == (3.0, 1.0, 1.0, "f")


@pytest.mark.parametrize("frame", [pl.DataFrame, pd.DataFrame])
def test_true_in_a_frame_is_no_number_either(signature, frame):
    with pytest.raises(InputError, match="Column 'age' holds true and false, but the model was trained on numbers"):
        signature.check(frame([GOOD | {"age": True}]))


def test_yes_and_no_are_understood_as_words_of_files(signature):
    frame = pl.DataFrame([GOOD]).with_columns(pl.lit("false").alias("adult"))
    assert signature.check(frame).arrays["adult"].tolist() == [0.0]
    assert signature.check([GOOD | {"adult": "False"}]).arrays["adult"].tolist() == [0.0]


def test_true_is_taken_where_training_saw_ones_and_zeros():
    assert describe_column(pl.Series("x", [0, 1, None]), "number").is_yes_or_no
    assert describe_column(pl.Series("x", [None, None], dtype=pl.Float64), "number").is_yes_or_no
    assert not describe_column(pl.Series("x", [0, 1, 2]), "number").is_yes_or_no
    assert not describe_column(pl.Series("x", [0.0, 0.5, 1.0]), "number").is_yes_or_no


def test_unseen_categories_are_allowed(signature):
    assert signature.check([GOOD | {"sex": "unheard of"}]).arrays["sex"].tolist() == ["unheard of"]


def test_columns_that_the_model_does_not_take_are_listed(signature):
    assert signature.check([GOOD | {"deck": {"a": [1]}, "survived": 1}]).ignored == ["deck", "survived"]
    assert signature.check(pl.DataFrame([GOOD | {"deck": "B"}])).ignored == ["deck"]


def test_whole_numbers_in_a_file_are_text_where_training_had_text(signature):
    frame = pl.DataFrame([GOOD]).with_columns(pl.lit(7.0).alias("sex"))
    assert signature.check(frame).arrays["sex"].tolist() == ["7"]
    assert signature.check(frame.with_columns(sex=pl.lit(7))).arrays["sex"].tolist() == ["7"]
    assert signature.check(frame.with_columns(sex=pl.lit(7.5))).arrays["sex"].tolist() == ["7.5"]


WRONG_VALUES = [
    ({"age": "abc"}, r"Got 'abc' \(str\) in column 'age', row 2 of 2, needed a number. Correct it, or leave it empty"),
    ({"age": "31"}, r"Got '31' \(str\) in column 'age', row 2 of 2, needed a number. Send it without quotes"),
    ({"age": [1]}, r"Got '\[1\]' \(list\) in column 'age'"),
    ({"age": 10**400}, r"\(int\) in column 'age', row 2 of 2, needed a number that fits a 64-bit float"),
    ({"fare": float("inf")}, r"Got inf in column 'fare', row 2 of 2, needed a finite number.*leave it empty \(null\)"),
    ({"fare": -math.inf}, r"Got -inf in column 'fare'"),
    ({"sex": 5}, r"Got '5' \(int\) in column 'sex', row 2 of 2, needed text. Send it in quotes"),
    ({"sex": True}, r"Got 'True' \(bool\) in column 'sex'"),
    ({"age": True}, r"Got 'True' \(bool\) in column 'age', row 2 of 2, needed a number. True and false are taken only"),
    ({"fare": np.False_}, r"Got 'False' \(bool\) in column 'fare', row 2 of 2"),
    ({"adult": "maybe"}, r"Got 'maybe' \(str\) in column 'adult', row 2 of 2, needed true or false"),
    ({"sex": {"a": 1}}, r"\(dict\) in column 'sex', row 2 of 2, needed text. Correct it"),
]


@pytest.mark.parametrize(("change", "words"), WRONG_VALUES)
def test_a_wrong_value_is_refused_with_its_column_and_row(signature, change, words):
    with pytest.raises(InputError, match=words):
        signature.check([GOOD, GOOD | change])


@pytest.mark.parametrize("gap", ["f", None])
def test_half_a_character_is_refused(signature, gap):
    with pytest.raises(InputError, match="Got half a character in column 'sex', row 2 of 2.*right encoding"):
        signature.check([GOOD | {"sex": gap}, GOOD | {"sex": "x\ud800"}])


def test_a_number_beyond_a_double_names_its_row_also_alone(signature):
    with pytest.raises(InputError, match="row 1 of 1, needed a number that fits"):
        signature.check([GOOD | {"age": -(10**400)}])


def test_several_wrong_rows_are_counted(signature):
    with pytest.raises(InputError, match=r"row 2 of 4 \(2 such rows\)"):
        signature.check([GOOD, GOOD | {"age": "x"}, GOOD, GOOD | {"age": "y"}])


def test_a_wrong_text_in_a_file_is_refused_with_its_row(signature):
    frame = pl.DataFrame([GOOD, GOOD]).with_columns(pl.Series("age", ["31", "young"]))
    with pytest.raises(InputError, match=r"Got 'young' \(str\) in column 'age', row 2 of 2, needed a number"):
        signature.check(frame)


@pytest.mark.parametrize("text", ["inf", "1e999"])
def test_an_infinite_number_in_a_file_is_refused(signature, text):
    with pytest.raises(InputError, match="Got inf in column 'age', row 1 of 1, needed a finite number"):
        signature.check(pl.DataFrame([GOOD]).with_columns(age=pl.lit(text)))


def test_dates_in_a_number_column_are_refused(signature):
    frame = pl.DataFrame([GOOD]).with_columns(age=pl.date(2020, 1, 1))
    with pytest.raises(InputError, match="Got column 'age' as Date, needed numbers"):
        signature.check(frame)


@pytest.mark.parametrize("rows", [[], {}, pl.DataFrame(), pl.DataFrame([GOOD]).clear(), {"age": []}, pd.DataFrame()])
def test_a_batch_of_no_rows_is_refused(signature, rows):
    with pytest.raises(InputError, match="Got 0 rows, needed at least 1"):
        signature.check(rows)


def test_an_absent_column_is_named_with_what_might_be_meant(signature):
    row = {name: value for name, value in GOOD.items() if name != "fare"} | {"Fare": 7.25}
    words = r"Got rows without 'fare', needed the columns 'age', 'fare', 'adult', 'sex'.*null stands.*Is 'Fare' meant"
    for rows in ([row], row, pl.DataFrame([row])):
        with pytest.raises(InputError, match=words):
            signature.check(rows)


def test_a_key_absent_from_one_row_is_named_with_that_row(signature):
    with pytest.raises(InputError, match="Got row 2 of 2 without 'sex', needed it in every row"):
        signature.check([GOOD, {"age": 1, "fare": 2.0, "adult": False}])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("text", "Got a str, needed rows as a DataFrame, a dict of lists or a list of dicts"),
        (5, "Got a int, needed rows"),
        ([1, 2], "Got a int as row 1 of 2, needed a dict"),
        ({"age": [1], "fare": 2.0}, "Got columns and single values mixed"),
        ({"age": [1], "fare": "2"}, "Got columns and single values mixed"),
        ({"age": [1], "fare": [2.0, 3.0]}, "Got columns of different length"),
    ],
)
def test_rows_of_another_form_are_refused(signature, rows, words):
    with pytest.raises(InputError, match=words):
        signature.check(rows)


def test_a_column_without_any_value_in_training_is_described():
    train = pl.DataFrame(
        {"x": [1.0, 2.0], "empty": [None, None], "y": [1.0, 2.0]}, schema_overrides={"empty": pl.Float64}
    )
    recipe = fit_recipe([], train, target="y")
    column = make_signature(recipe, train, "y", "regression", None).column("empty")
    assert (column.kind, column.n_missing_share, column.example) == ("constant", 1.0, None)


NOON = datetime(2024, 2, 29, 12, 30)
SECONDS = NOON.replace(tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def sales():
    sold = InputColumn("sold", "datetime", "datetime", "2020-01-01 08:00:00", "2024-12-31 18:30:00")
    note = InputColumn("note", "string", "text", n_categories=4_000)
    return Signature("regression", "price", None, [sold, note])


def test_dates_are_described_as_iso_text_by_the_clocks_of_their_column():
    days = describe_column(pl.Series("d", [date(2024, 3, 1), None, date(2020, 1, 1), date(2022, 5, 5)]), "datetime")
    assert (days.type, days.kind, days.date_only) == ("datetime", "datetime", True)
    assert (days.minimum, days.example, days.maximum) == ("2020-01-01", "2022-05-05", "2024-03-01")
    assert days.n_missing_share == 0.25
    assert days.bounds == (1_577_836_800.0, 1_709_251_200.0)
    moments = pl.Series("t", [NOON, NOON + timedelta(hours=1)]).dt.replace_time_zone("Europe/Berlin")
    times = describe_column(moments, "datetime")
    assert (times.minimum, times.date_only) == ("2024-02-29 12:30:00+01:00", False)
    assert (times.zone, times.bounds[0]) == ("Europe/Berlin", SECONDS - 3_600)
    empty = describe_column(pl.Series("d", [None, None], dtype=pl.Date), "datetime")
    assert (empty.kind, empty.bounds, empty.n_missing_share) == ("constant", None, 1.0)


def test_a_signature_with_dates_survives_json_in_a_later_format(sales):
    document = json.loads(json.dumps(sales.to_dict()))
    assert document["format"] == 2
    assert Signature.from_dict(document) == sales


def test_free_text_and_identifiers_are_not_listed():
    letters = pl.Series("letter", [f"Dear reader {i}, this is a letter of its own" for i in range(4_000)])
    column = describe_column(letters, "string")
    assert (column.kind, column.categories, column.n_categories, column.example) == ("text", [], 4_000, None)
    assert column.is_free_text
    keys = describe_column(pl.Series("customer", [f"c{i}" for i in range(400)]), "string")
    assert (keys.kind, keys.categories, keys.example) == ("identifier", [], None)
    long = describe_column(pl.Series("terms", ["x" * 5_000, "short", "x" * 5_000]), "string")
    assert (long.categories, long.n_categories, long.example) == (["short"], 2, "short")


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-29T12:30:00Z",
        "2024-02-29t12:30z",
        "2024-02-29 12:30",
        " 2024-02-29 12:30:00.000 ",
        "2024-02-29T14:30:00+02:00",
        NOON,
        NOON.replace(tzinfo=UTC),
        NOON.replace(hour=14).replace(tzinfo=timezone(timedelta(hours=2))),
        np.datetime64(NOON),
        pd.Timestamp(NOON),
        pd.Timestamp(NOON).tz_localize("UTC").tz_convert("Asia/Tokyo"),
        SECONDS,
        int(SECONDS),
        np.float64(SECONDS),
        Decimal(int(SECONDS)),
    ],
)
def test_a_moment_may_come_in_any_form(sales, value):
    checked = sales.check([{"sold": value, "note": None}])
    assert checked.arrays["sold"].tolist() == [SECONDS]
    assert checked.frame["sold"].to_list() == [NOON]


@pytest.mark.parametrize("value", ["2024-02-29", "20240229", date(2024, 2, 29), np.datetime64("2024-02-29")])
def test_a_date_is_its_midnight_in_utc(sales, value):
    assert sales.check([{"sold": value, "note": "x"}]).frame["sold"].to_list() == [datetime(2024, 2, 29)]


@pytest.mark.parametrize("gap", [None, "", " ", float("nan"), pd.NA, pd.NaT, np.datetime64("NaT")])
def test_a_missing_moment_is_allowed(sales, gap):
    checked = sales.check([{"sold": gap, "note": gap if gap is None else "x"}])
    assert math.isnan(checked.arrays["sold"][0]) and checked.frame["sold"].to_list() == [None]


def sold_as(values, **options):
    return pl.DataFrame({"sold": pl.Series(values, **options), "note": ["x"] * len(values)})


@pytest.mark.parametrize(
    "rows",
    [
        sold_as([NOON, None]),
        sold_as([NOON, None], dtype=pl.Datetime("ns")),
        sold_as([NOON, None]).with_columns(pl.col("sold").dt.replace_time_zone("UTC")),
        sold_as([NOON + timedelta(hours=9), None]).with_columns(pl.col("sold").dt.replace_time_zone("Asia/Tokyo")),
        sold_as(["2024-02-29T12:30", ""]),
        sold_as([SECONDS, None]),
        sold_as([int(SECONDS), None]),
        sold_as([NOON, None], dtype=pl.Object),
        pd.DataFrame({"sold": [NOON, None], "note": ["x", "y"]}),
        pd.DataFrame({"sold": pd.to_datetime([NOON, None]).tz_localize("UTC"), "note": ["x", "y"]}),
        pd.DataFrame({"sold": pd.to_datetime([NOON, None]).tz_localize("UTC").tz_convert("Asia/Tokyo"), "note": "x"}),
        pd.DataFrame({"sold": pd.Series([NOON, None], dtype=object), "note": ["x", "y"]}),
        pd.DataFrame({"sold": ["2024-02-29 12:30", None], "note": ["x", "y"]}),
    ],
)
def test_moments_in_any_frame_become_the_same_seconds(sales, rows):
    np.testing.assert_array_equal(sales.check(rows).arrays["sold"], [SECONDS, np.nan])


WRONG_MOMENTS = [
    ("soon", r"Got 'soon' \(str\) in column 'sold', row 2 of 2, needed a date or time such as 2024-12-31.*Correct it"),
    ("31.12.2024", r"Got '31.12.2024' .* needed a date or time such as 2024-12-31"),
    ("2024-02-30", r"Got '2024-02-30'"),
    ("2024-12-31T23:59:60Z", r"Got '2024-12-31T23:59:60Z'"),
    ("1709209800", r"Got '1709209800' \(str\).*Send seconds without quotes"),
    (SECONDS * 1000, r"\(float\) in column 'sold'.*Divide it by 1,000: it seems to count milliseconds"),
    (1e300, r"Send a moment in the years 1 to 9999"),
    (float("inf"), r"Got 'inf' \(float\) in column 'sold', row 2 of 2"),
    (10**400, r"\(int\) in column 'sold', row 2 of 2"),
    (True, r"Got 'True' \(bool\) in column 'sold'"),
    ({"year": 2024}, r"\(dict\) in column 'sold'"),
]


@pytest.mark.parametrize(("value", "words"), WRONG_MOMENTS)
def test_what_is_no_moment_is_refused_with_its_row(sales, value, words):
    with pytest.raises(InputError, match=words):
        sales.check([{"sold": "2024-01-01", "note": ""}, {"sold": value, "note": ""}])


def test_dates_written_as_numbers_in_a_file_are_refused(sales):
    with pytest.raises(InputError, match=r"Got 20241231 .* written as numbers, .* Needed 2024-12-31; write them so"):
        sales.check(sold_as([20241231, None, 20240101]))


@pytest.mark.parametrize("dtype", [pl.Boolean, pl.Time, pl.List(pl.Int8)])
def test_a_column_of_another_type_is_refused_for_dates(sales, dtype):
    with pytest.raises(InputError, match="Got column 'sold' as .*, needed dates or times"):
        sales.check(sold_as([None], dtype=dtype))
