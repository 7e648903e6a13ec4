"""Targets and encoding: what can be learned, and as what it enters a model."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import numpy as np
import polars as pl
import pytest

from workbench.data.encoding import from_arrays, input_type, to_arrays
from workbench.data.targets import check_target, encode_target, suggest_task
from workbench.errors import DataError, TargetError


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1, 1, 0], "classification"),
        (list(range(20)), "classification"),
        (list(range(21)), "regression"),
        ([0.5, 1.0], "regression"),
        ([1.0, 2.0, None], "classification"),
        (["a", "b"], "classification"),
        ([f"v{place}" for place in range(50)], "classification"),
        ([True, False], "classification"),
    ],
)
def test_the_task_is_suggested_from_the_values(values, task):
    assert suggest_task(pl.Series(values)) == task


@pytest.mark.parametrize(
    ("values", "classes", "y"),
    [
        (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
        ([" b", "a ", "b"], ["a", "b"], [1, 0, 1]),
        ([3, 1, 2], [1, 2, 3], [2, 0, 1]),
        ([3.0, 1.0, 2.0], [1, 2, 3], [2, 0, 1]),
        ([True, False], ["false", "true"], [1, 0]),
        ([10, 9], [9, 10], [1, 0]),
        ([0.5, 1.5], ["0.5", "1.5"], [0, 1]),
        ([date(2024, 1, 2), date(2024, 1, 1)], ["2024-01-01", "2024-01-02"], [1, 0]),
    ],
)
def test_classes_are_sorted_strings_or_integers(values, classes, y):
    indices, found = encode_target(pl.Series("t", values), "classification")
    assert found == classes
    assert [type(label) for label in found] == [type(label) for label in classes]
    assert indices.dtype == np.int64
    assert indices.tolist() == y


def test_a_regression_target_is_float64():
    y, classes = encode_target(pl.Series("t", [1, 2], dtype=pl.UInt8), "regression")
    assert (y.dtype, y.tolist(), classes) == (np.float64, [1.0, 2.0], None)


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        ([1, 1, 1], "classification", r"Got target 't' with one value only \(1\), needed at least two"),
        (
            ["a", None, "b", ""],
            "classification",
            r"with 2 missing values in 4 rows.* Add the step drop_missing with columns \[t\]",
        ),
        ([1.0, float("nan"), 2.0], "regression", r"with 1 missing values in 3 rows"),
        ([None, None], "classification", r"without a single value in 2 rows"),
        (["a", "b"], "regression", r"of type String, needed numbers for a regression. Set the task to classification"),
        (list(range(1001)), "classification", r"with 1,001 classes, needed at most 1,000. Set the task to regression"),
        ([str(place) for place in range(1001)], "classification", r"Choose a target with fewer values"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(values, task, message):
    with pytest.raises(TargetError, match=message):
        check_target(pl.DataFrame({"t": values}), "t", task)


def test_a_missing_target_may_pass_before_the_row_steps():
    check_target(pl.DataFrame({"t": ["a", None, "b"]}), "t", "classification", allow_missing=True)
    with pytest.raises(TargetError, match="one value only"):
        check_target(pl.DataFrame({"t": ["a", None]}), "t", "classification", allow_missing=True)


@pytest.mark.parametrize("huge", [1e300, -1e39, float("inf")])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_target_beyond_what_can_be_squared_is_refused_with_a_remedy(huge, task):
    frame = pl.DataFrame({"y": [1.0, 2.0, huge]})
    with pytest.raises(TargetError, match=r"1 values of 3 that are infinite or beyond 3.4e\+38.* drop_missing .*\[y\]"):
        check_target(frame, "y", task)
    check_target(frame, "y", task, allow_missing=True)  # a row step may leave it out


def test_an_absent_target_suggests_near_names():
    with pytest.raises(
        TargetError, match=r"Got target 'incme', needed one of the table's 2 columns. Did you mean 'income'\?"
    ):
        check_target(pl.DataFrame({"income": [1], "age": [2]}), "incme", "classification")


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_encoding_a_target_with_missing_values_is_refused(task):
    with pytest.raises(TargetError, match="1 missing values in 3 rows"):
        encode_target(pl.Series("t", [1, None, 2]), task)


def test_encoding_text_for_a_regression_is_refused():
    with pytest.raises(TargetError, match="needed numbers for a regression"):
        encode_target(pl.Series("t", ["a", "b"]), "regression")


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (pl.Int8(), "number"),
        (pl.Float32(), "number"),
        (pl.Boolean(), "number"),
        ("UInt16", "number"),
        (pl.Decimal(10, 2), "number"),
        (pl.String(), "string"),
        (pl.Categorical(), "string"),
        (pl.Null(), "string"),
        (pl.Date(), "datetime"),
        ("Datetime(time_unit='us', time_zone='UTC')", "datetime"),
    ],
)
def test_types_enter_a_model_as_numbers_or_strings(dtype, expected):
    assert input_type(dtype) == expected


def test_arrays_are_float64_and_objects_with_missing_marked():
    frame = pl.DataFrame({"n": [1, None], "b": [True, None], "s": ["x", None], "e": ["", "y"]})
    arrays = to_arrays(frame)
    assert {name: array.dtype for name, array in arrays.items()} == {"n": "f8", "b": "f8", "s": "O", "e": "O"}
    np.testing.assert_array_equal(arrays["n"], [1.0, np.nan])
    np.testing.assert_array_equal(arrays["b"], [1.0, np.nan])
    assert [arrays["s"].tolist(), arrays["e"].tolist()] == [["x", ""], ["", "y"]]
    assert {name: array.shape for name, array in to_arrays(frame.clear()).items()} == dict.fromkeys("nbse", (0,))


def test_dates_are_seconds_since_1970_in_utc_and_come_back():
    moment = datetime(2024, 2, 29, 12, 30, 0, 250_000)
    frame = pl.DataFrame({"day": [date(1969, 12, 31), None], "moment": [moment, datetime(1, 1, 1)]}).with_columns(
        local=pl.col("moment").dt.replace_time_zone("Europe/Berlin"),
        fine=pl.lit(moment).cast(pl.Datetime("ns")),
        coarse=pl.lit(moment).cast(pl.Datetime("ms")),
    )
    arrays = to_arrays(frame)
    np.testing.assert_array_equal(arrays["day"], [-86_400.0, np.nan])
    assert arrays["local"][0] == arrays["moment"][0] - 3600  # a zone is brought to UTC, none is taken as UTC
    assert arrays["moment"][0] == arrays["fine"][0] == arrays["coarse"][0] == moment.replace(tzinfo=UTC).timestamp()
    back = from_arrays(arrays, dict.fromkeys(arrays, "datetime"))
    assert back.select("day", "moment").rows() == [(datetime(1969, 12, 31), moment), (None, datetime(1, 1, 1))]
    assert set(back.dtypes) == {pl.Datetime("us")}


@pytest.mark.parametrize("second", [1e300, -np.inf, np.inf, np.nan, 2.6e11])
def test_a_second_that_no_calendar_has_is_missing(second):
    assert from_arrays({"d": np.array([second, 5.0])}, {"d": "datetime"})["d"].to_list() == [
        None,
        datetime(1970, 1, 1, 0, 0, 5),
    ]


def test_arrays_come_back_in_the_order_and_with_the_types_asked_for():
    arrays = {"n": np.array([1.0, np.nan]), "s": np.array(["x", ""], dtype=object)}
    assert from_arrays(arrays, {"s": "string", "n": "number"}).rows() == [("x", 1.0), (None, None)]


def test_columns_that_cannot_be_encoded_are_refused():
    with pytest.raises(DataError, match=r"Got column 'd' with times of day or durations \(Time\).* drop_columns"):
        to_arrays(pl.DataFrame({"d": [time(12, 30)]}))
    with pytest.raises(DataError, match=r"without column 'agee'.* Did you mean 'age'\?"):
        to_arrays(pl.DataFrame({"age": [1]}), ["agee"])
