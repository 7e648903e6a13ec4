"""The real tables: each reads to the row, column and missing counts of its description, with no option given."""

from __future__ import annotations

import pytest

from workbench.data import read_table
from workbench.data.looking import look_at

pytestmark = pytest.mark.large

# File: rows, columns, missing values of the columns that have some.
TABLES = {
    "adult_train.csv.gz": (32_561, 15, {"workclass": 1_836, "occupation": 1_843, "native-country": 583}),
    "adult_test.csv.gz": (16_281, 15, {"workclass": 963, "occupation": 966, "native-country": 274}),
    "titanic3.csv": (
        1_309,
        14,
        {"age": 263, "cabin": 1_014, "fare": 1, "embarked": 2, "boat": 823, "body": 1_188, "home.dest": 564},
    ),
    "titanic_kaggle_train.csv": (891, 12, {"Age": 177, "Cabin": 687, "Embarked": 2}),
    "bank_additional_full.csv.gz": (41_188, 21, {}),
    "bank_full.csv.gz": (45_211, 17, {}),
    "german_credit.csv": (1_000, 21, {}),
    "covertype.parquet": (581_012, 55, {}),
    "nycflights13_weather.parquet": (26_115, 15, None),
    "california_housing.csv.gz": (20_640, 10, {"total_bedrooms": 207}),
    "ames_housing.csv.gz": (2_930, 82, 13_997),
    "bike_sharing_hour.csv.gz": (17_379, 17, {}),
    "bike_sharing_day.csv": (731, 16, {}),
    "sms_spam.tsv.gz": (5_574, 2, {}),
    "rt_polarity.csv.gz": (10_662, 2, {}),
    "ag_news_test7600.csv.gz": (7_600, 4, {}),
    "newsgroups20_bydate.parquet": (18_846, 5, {}),
    "imdb_reviews.parquet": (50_000, 5, {}),
    "airline_passengers.csv": (144, 2, {}),
    "sunspots_monthly.csv": (2_820, 2, {}),
    "sunspots_yearly.csv": (309, 2, {}),
    "co2_weekly.csv": (2_284, 2, 59),
    "pjm_east_hourly.csv.gz": (145_366, 2, {}),
    "ett_h1.csv.gz": (17_420, 8, {}),
    "beijing_pm25.csv.gz": (43_824, 13, {"pm2.5": 2_067}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_reads_as_described(name, large_data, settings):
    n_rows, n_columns, n_missing = TABLES[name]
    table = read_table(large_data / name, settings=settings)
    assert (table.n_rows, table.n_columns) == (n_rows, n_columns)
    found = {column.name: column.n_missing for column in table.columns if column.n_missing}
    if isinstance(n_missing, int):
        assert sum(found.values()) == n_missing
    elif n_missing is not None:
        assert found == n_missing


@pytest.mark.parametrize("name", TABLES)
def test_a_look_at_a_table_shows_the_columns_it_reads_to(name, large_data, settings):
    look = look_at(large_data / name, settings=settings)
    assert (look.frame.width, look.frame.height) == (TABLES[name][1], 100)
    assert look.options.encoding in ("utf-8", None)
    assert not settings.tables.exists() or not list(settings.tables.iterdir())


def test_flights_keep_their_missing_values_and_times(large_data, settings):
    table = read_table(large_data / "nycflights13_flights.parquet", settings=settings)
    assert (table.n_rows, table.n_columns) == (336_776, 19)
    assert [table.column(name).n_missing for name in ("dep_time", "arr_delay", "tailnum")] == [8_255, 9_430, 2_512]
    assert table.column("time_hour").kind == "datetime"


def test_bank_marketing_reads_to_its_missing_counts_when_the_proposal_is_taken(large_data, settings):
    path = large_data / "bank_additional_full.csv.gz"
    look = look_at(path, settings=settings)
    (proposal,) = look.proposals
    assert (proposal.option, proposal.value[-1]) == ("missing", "unknown")
    table = read_table(path, options=look.with_proposals(), settings=settings)
    found = {column.name: column.n_missing for column in table.columns if column.n_missing}
    assert found == {"default": 8_597, "education": 1_731, "housing": 990, "loan": 990, "job": 330, "marital": 80}
    assert table.profile().n_duplicates == 12


def test_text_is_kept_to_the_letter(large_data, settings):
    sms = read_table(large_data / "sms_spam.tsv.gz", settings=settings)
    assert sms.frame()["label"].value_counts(sort=True).rows() == [("ham", 4_827), ("spam", 747)]
    assert sms.profile().n_duplicates == 403
    imdb = read_table(large_data / "imdb_reviews.parquet", settings=settings)
    assert imdb.n_rows - imdb.frame()["text"].n_unique() == 418


def test_values_that_look_missing_but_are_not_stay(large_data, settings):
    ames = read_table(large_data / "ames_housing.csv.gz", settings=settings)
    assert (ames.frame()["Mas Vnr Type"] == "None").sum() == 1_752
    assert ames.column("PID").n_unique == 2_930
    assert ames.frame()["SalePrice"].mean() == pytest.approx(180_796, abs=1)
    adult = read_table(large_data / "adult_test.csv.gz", settings=settings)
    assert set(adult.frame()["income"]) == {"<=50K.", ">50K."}
    assert adult.profile().n_duplicates == 5
