"""Packages with a date and column steps among their inputs, for the tests of several rooms."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from workbench.estimators import build_sklearn, wrap_model
from workbench.package import build_package, make_signature
from workbench.recipe import fit_recipe
from workbench.recipe.spec import (
    Calculate,
    CleanText,
    Convert,
    DateParts,
    DropColumns,
    FlagMissing,
    Impute,
    OneHot,
    ParseDates,
    Rename,
    Standardize,
    TfIdf,
)
from workbench.settings import Settings

STEPS = [
    FlagMissing(columns=("age", "last_seen")),
    DropColumns(columns=("last_seen",)),
    Rename(names={"back": "returned"}),
    CleanText(columns=("sex",)),
    Impute(columns=("age",)),
    OneHot(columns=("sex",)),
    Standardize(columns=("age", "fare")),
]


# What an analyst does with a raw table: dates and prices written as text, a letter in words.
RAW_STEPS = [
    ParseDates(columns=("booked",), format="%d.%m.%Y"),
    Convert(columns=("price",), to="number", decimal=","),
    Rename(names={"fare": "way"}),
    Calculate(name="price_of_way", expression="price / (way + 1)"),
    DateParts(columns=("booked", "last_seen"), parts=("year", "month", "weekday")),
    CleanText(columns=("letter",), operations=("remove_html", "lower_case", "strip")),
    Impute(columns=("age", "price", "price_of_way")),
    OneHot(columns=("sex",)),
    TfIdf(columns=("letter",), max_features=20),
    Standardize(columns=("age", "way", "price")),
]
_WORDS = ("late", "Good", "<b>bad</b>", "rooms", "noisy!", "breakfast", "Frühstück", "ok")


def raw_guests(n_rows=400, seed=0):
    """Give the guests with three more columns as they stand in a file."""
    random = np.random.default_rng(seed + 100)
    days = [datetime(2021, 1, 1) + timedelta(days=int(day)) for day in random.integers(0, 900, n_rows)]
    letters = [" ".join(random.choice(_WORDS, n)) or None for n in random.integers(0, 12, n_rows)]
    return guests(n_rows, seed).with_columns(
        booked=pl.Series([None if random.random() < 0.1 else f"{day:%d.%m.%Y}" for day in days]),
        price=pl.Series([f"{price:.2f}".replace(".", ",") + " €" for price in random.exponential(40, n_rows)]),
        letter=pl.Series(letters),
    )


def guests(n_rows=400, seed=0):
    random = np.random.default_rng(seed)
    sex = random.choice(["female", "male"], n_rows)
    seen = [
        None if random.random() < 0.3 else datetime(2020, 1, 1) + timedelta(hours=int(hours))
        for hours in random.integers(0, 30_000, n_rows)
    ]
    ages = zip(random.integers(1, 80, n_rows).tolist(), random.random(n_rows) < 0.2, strict=True)
    frame = pl.DataFrame(
        {
            "age": [None if gap else age for age, gap in ages],
            "sex": sex,
            "fare": random.exponential(30, n_rows),
            "last_seen": pl.Series(seen, dtype=pl.Datetime("us")),
            "back": random.random(n_rows) < 0.5,
        }
    )  # fmt: skip
    gone = frame["last_seen"].is_null().to_numpy() ^ (random.random(n_rows) < 0.1)
    return frame.with_columns(stayed=pl.Series(np.where(gone, "no", "yes")))


def build(folder, steps, frame, *, estimator="logistic_regression", target="stayed", change=None):
    recipe = fit_recipe(steps, frame, target=target)
    X = recipe.transform(frame)
    classes = sorted(frame[target].unique().to_list())
    y = np.searchsorted(np.array(classes), frame[target].to_numpy())
    native = build_sklearn(estimator, {}, task="classification", seed=0).fit(X, y)
    model = wrap_model(native, estimator, X, task="classification", classes=classes)
    info = build_package(
        folder,
        spec={"name": "guests", "recipe": [step.model_dump(mode="json") for step in steps], "seed": 1},
        recipe=recipe if change is None else change(recipe),
        model=model,
        signature=make_signature(recipe, frame, target, "classification", classes),
        train=frame,
        evaluation=frame.head(200),
        metrics={"test": {"accuracy": 0.9}},
        settings=Settings(),
    )
    return info
