"""Expressions: what they compute, what they refuse, and that the graph computes the same."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from workbench.errors import RecipeError
from workbench.graph import GraphBuilder
from workbench.recipe.expressions import FUNCTIONS, check, columns_in, compiled, parse
from workbench.recipe.values import contents_of

ROWS = pl.DataFrame(
    {
        "age": [10, 20, None, -5],
        "fare": [1.5, 0.0, math.inf, math.nan],
        "port": ["S", "", None, "Queenstown"],
        "alone": [True, False, None, True],
        "born": [
            datetime(1912, 4, 15, 2, 20),
            datetime(2000, 2, 29),
            None,
            datetime(2024, 12, 30, 23, 59, 59, 999_999),
        ],
        "family size": [1, 2, 3, 4],
        "home.dest": ["x", "y", "x", "z"],
        "größe": [1.0, 2.0, 3.0, 4.0],
    }
)


def values(expression: str, frame: pl.DataFrame = ROWS) -> list:
    return frame.select(parse(expression, frame.schema).alias("v"))["v"].to_list()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("age + 1", [11, 21, None, -4]),
        ("age / fare", [10 / 1.5, None, None, None]),
        ("-age ** 2", [-100, -400, None, -25]),
        ("2 ** -1 + 0 * age", [0.5, 0.5, None, 0.5]),
        ("age // 3", [3, 6, None, -2]),
        ("age % 3", [1, 2, None, 1]),
        ("age % 0", [None] * 4),
        ("1 + 2 * 3 - age", [-3, -13, None, 12]),
        ("age > 5", [True, True, None, False]),
        ("0 <= age < 15", [True, False, None, False]),
        ("not age > 5 or fare == 0", [False, True, None, True]),
        ("age > 5 and false", [False, False, False, False]),
        ("age > 5 or true", [True, True, True, True]),
        ("fare is missing", [False, False, True, True]),
        ("port is not missing", [True, False, False, True]),
        ("port == 'S'", [True, None, None, False]),
        ("port != 'S'", [False, None, None, True]),
        ("port in ('S', \"C\")", [True, None, None, False]),
        ("age not in (10, 11)", [False, True, None, True]),
        ("alone", [True, False, None, True]),
        ("alone + alone", [2, 0, None, 2]),
        ("alone == true", [True, False, None, True]),
        ("born >= '2000-01-01'", [False, True, None, True]),
        ("'2000-02-29 00:00' == born", [False, True, None, False]),
        ("`family size` * größe", [1, 4, 9, 16]),
        ("home.dest == 'x'", [True, False, True, False]),
        ("TRUE and age > 5", [True, True, None, False]),
        ("abs(age)", [10, 20, None, 5]),
        ("log(fare)", [math.log(1.5), None, None, None]),
        ("sqrt(age)", [math.sqrt(10), math.sqrt(20), None, None]),
        ("exp(age * 1e10)", [None, None, None, 0.0]),
        ("round(fare)", [2, 0, None, None]),
        ("round(age / 3, 2)", [3.33, 6.67, None, -1.67]),
        ("floor(fare) + ceil(fare)", [3, 0, None, None]),
        ("min(age, fare)", [1.5, 0, None, -5]),
        ("max(age, `family size`)", [10, 20, 3, 4]),
        ("if_else(age > 15, 'old', 'young')", ["young", "old", "young", "young"]),
        ("if_else(age > 15, age, missing)", [None, 20, None, None]),
        ("coalesce(fare, age, 7)", [1.5, 0, 7, -5]),
        ("coalesce(port, 'none')", ["S", "none", "none", "Queenstown"]),
        ("length(port)", [1, None, None, 10]),
        ("upper(port) == 'S'", [True, None, None, False]),
        ("contains(port, 'town')", [False, None, None, True]),
        ("starts_with(port, 'Q') or ends_with(port, 'S')", [True, None, None, True]),
        ("replace(port, 'S', '')", [None, None, None, "Queenstown"]),
        ("join(port, '-', `home.dest`)", ["S-x", "-y", "-x", "Queenstown-z"]),
        ("number(join('1', port))", [None, 1, 1, None]),
        ("year(born)", [1912, 2000, None, 2024]),
        ("weekday(born)", [1, 2, None, 1]),
        ("days_between(born, '1912-04-14 02:20')", None),
        ("hour(born) + minute(born) / 60", [2 + 20 / 60, 0, None, 23 + 59 / 60]),
    ],
)
def test_an_expression_computes(expression, expected):
    found = values(expression)
    if expected is None:
        assert found[0] == 1.0
    elif isinstance(expected[0] if expected[0] is not None else expected[-1], float):
        assert found == pytest.approx(expected)
    else:
        assert found == expected


REFUSED = [
    ("", r"character 1: got an empty expression.*Write an expression"),
    ("agee > 1", r"character 1: got column 'agee', needed one of age, fare, .* Did you mean 'age'\?"),
    ("family > 1", r"got column 'family'.* stands in backticks: `family size`"),
    ("port > 3", r"character 6: got column 'port', which holds text > the number 3, needed two of one kind. Put the"),
    ("age == 'x'", r"got column 'age', which holds numbers == the text 'x'.*Write the number without quotes"),
    ("alone == 'yes'", r"Write true or false without quotes"),
    ("port + 1", r"character 1: got column 'port', which holds text, needed a number. .*join\(a, b\)"),
    ("born - born", r"got column 'born', which holds dates, needed a number. .*days_between"),
    (
        "born > '31.12.2024'",
        r"got the text '31.12.2024' beside a date, needed a date in quotes. Write it as '2024-12-31'",
    ),
    ("age = 3", r"character 5: got '=', needed .* Write == to compare"),
    ("age > 1 & fare > 2", r"got '&'.* Write and\."),
    ("age && fare", r"Write and\."),
    ("age <> 3", r"got '<>'.* Write != for unequal"),
    ("!alone", r"got '!'.* Write not"),
    ("age == missing", r"got == missing, needed a value to compare with. Write is missing instead"),
    ("age is 3", r"got '3', needed 'missing'"),
    ("port == ''", r"Empty text is missing"),
    ("'abc", r"character 1: got ' without its end"),
    ("age # 3", r"character 5: got '#'"),
    ("(age + 1", r"character 9: got the end of the expression, needed '\)'"),
    ("age + ", r"the end of the expression, needed a column, a number or a quoted word. Complete it"),
    ("age fare", r"character 5: got 'fare', needed an operator.*backticks"),
    ("logg(age)", r"got function 'logg'.*Did you mean"),
    ("log(age, 2)", r"got log with 2 arguments, needed 1. Write log\(number\)"),
    ("log(port)", r"got column 'port', which holds text, needed a number"),
    ("lower(age)", r"got column 'age', which holds numbers, needed text for lower. Convert the column to text first"),
    ("year(port)", r"needed a date for year. Put the step parse_dates in front"),
    ("if_else(age, 1, 2)", r"needed a condition.*Write a comparison"),
    ("if_else(age > 1, 1, 'x')", r"needed two of one kind"),
    ("min(port, port)", r"needed numbers or dates for min"),
    ("age > 1 and fare", r"character 13: got column 'fare', which holds numbers, needed a condition"),
    ("1 + 2", r"got an expression without a column"),
    ("coalesce(missing, missing)", r"of missing values only"),
    ("replace(port, home.dest, 'x')", r"needed a quoted word"),
    ("1e999 * age", r"needed a number of at most 3.4e38"),
    ("(" * 100 + "age" + ")" * 100, r"more than 60 parts within one another, needed fewer. Divide it"),
    ("-" * 500 + "age", r"more than 60 parts"),
    ("+".join(["age"] * 200), r"more than 60 parts in a row"),
    ("age" + " " * 3000, r"got 3,003 characters, needed at most 2,000"),
    ("__import__('os')", r"got function '__import__'"),
    ("age.__class__", r"got column 'age.__class__'"),
    ("age[0]", r"got '\['"),
    ("lambda: 1", r"character 7: got ':'"),
]


@pytest.mark.parametrize(("expression", "message"), REFUSED)
def test_an_expression_that_cannot_be_computed_is_refused_with_its_place(expression, message):
    with pytest.raises(RecipeError, match=message):
        parse(expression, ROWS.schema)


def test_a_filter_needs_a_condition_and_names_its_step():
    with pytest.raises(RecipeError, match=r"^Step 2 \(filter\), character 5: got a number, needed a condition"):
        check("age + 1", ROWS.schema, where="Step 2 (filter)", condition=True)
    assert check("age + 1", ROWS.schema) == "number"
    assert check("year(born) > 2000", ROWS.schema, condition=True) == "boolean"


def test_the_columns_of_an_expression_are_found_without_a_table():
    assert columns_in("a + `b c` * log(d) > 0 and a is missing or x in (y, 'z')") == ("a", "b c", "d", "x", "y")
    assert columns_in("`with `` tick` == 'it''s'") == ("with ` tick",)


def test_every_function_is_described():
    for function in FUNCTIONS.values():
        assert function.arguments.startswith("(")
        assert function.meaning.endswith(".")
        assert function.least <= function.most


some_numbers = st.one_of(
    st.none(), st.floats(width=64), st.integers(-3, 3).map(float), st.sampled_from([math.inf, math.nan, 1e300, -0.0])
)
some_dates = st.one_of(
    st.none(), st.datetimes(datetime(1, 1, 1), datetime(2500, 12, 31)), st.just(datetime(2024, 12, 30))
)
some_words = st.sampled_from([None, "", "S", "C", "é", "other"])
NUMERIC = st.recursive(
    st.sampled_from(["a", "b", "2", "0.5", "0", "flag", "missing"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        st.tuples(
            st.sampled_from(["abs", "sign", "floor", "ceil", "sqrt", "exp", "log", "log1p", "log10", "round", "-"]),
            inner,
        ).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]}, a)"),
        inner.map(lambda part: f"coalesce({part}, b)"),
        st.tuples(inner, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner, inner).map(
            lambda p: f"if_else({p[0]} {p[1]} {p[2]} and not word == 'S' or day > '2020-01-01', {p[3]}, b)"
        ),
        st.sampled_from(
            [
                f"{part}(day)"
                for part in "year quarter month week day weekday day_of_year hour minute second is_weekend".split()
            ]
        ),
        st.just("days_between(day, '2000-01-01')"),
        inner.map(lambda part: f"if_else(word in ('C', 'é') or word is missing or flag, {part}, 1)"),
    ),
    max_leaves=6,
)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(
    expression=NUMERIC,
    rows=st.lists(st.tuples(some_numbers, some_numbers, st.sampled_from([None, True, False]), some_dates, some_words),
                  min_size=1, max_size=6),
)  # fmt: skip
def test_the_graph_of_an_expression_gives_its_values(expression, rows):
    schema = {"a": pl.Float64, "b": pl.Float64, "flag": pl.Boolean, "day": pl.Datetime("us"), "word": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    try:
        made = compiled(f"a * 0 + ({expression})", contents_of(frame))
    except RecipeError:
        return  # of missing values only, or a flag in a place for numbers of another kind
    assert made.emit is not None
    expected = frame.select(made.values.cast(pl.Float64).fill_null(math.nan).alias("v"))["v"].to_numpy()
    graph = GraphBuilder()
    inputs = {name: graph.input(name, "string" if name == "word" else "number") for name in frame.columns}
    graph.output("v", made.emit(graph, inputs), "double", [None, 1])
    session = ort.InferenceSession(graph.build().SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {
        "a": frame["a"].fill_null(math.nan).to_numpy(),
        "b": frame["b"].fill_null(math.nan).to_numpy(),
        "flag": frame["flag"].cast(pl.Float64).fill_null(math.nan).to_numpy(),
        "day": (frame["day"].dt.epoch("us").cast(pl.Float64) / 1e6).fill_null(math.nan).to_numpy(),
        "word": np.array(frame["word"].fill_null("").to_list(), dtype=object),
    }
    actual = session.run(None, {entry.name: feed[entry.name] for entry in session.get_inputs()})[0].ravel()
    np.testing.assert_allclose(actual, np.broadcast_to(expected, actual.shape), rtol=1e-9, atol=1e-12)
