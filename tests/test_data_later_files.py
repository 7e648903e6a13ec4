"""A file that comes after another one is read first as that one was; what doesn't fit is said."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from workbench.data import read_table, resolve
from workbench.data.file_forms import FileForm
from workbench.data.later_files import read_later_rows
from workbench.data.spec import DataSpec, ReaderOptions
from workbench.errors import ReadError


def german(number: float) -> str:
    return f"{number:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".").removesuffix(",00")


def write(folder: Path, name: str, *lines: str, encoding: str = "utf-8") -> Path:
    (folder / name).write_text("\n".join(lines) + "\n", encoding=encoding)
    return folder / name


def write_sheets(path: Path, **sheets: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)


@pytest.fixture
def sales(settings, tmp_path):
    """A table of a German export: marks, day first, whole pieces, codes with zeros, a missing word among numbers."""
    days = [dt.date(2023, 1, 1) + dt.timedelta(days=11 * i) for i in range(60)]
    rows = [
        f"{german(300 + 37.35 * i)};{day:%d/%m/%Y};{100 + i};0{i % 7};{'true' if i % 2 else 'false'}"
        for i, day in enumerate(days)
    ]
    path = write(tmp_path, "sales.csv", "Export von gestern", "amount;day;pieces;code;paid", *rows)
    return read_table(path, settings=settings)


def later(path: Path, table, settings, **options):
    names = [column.name for column in table.columns]
    form = FileForm.from_dict(json.loads(json.dumps(FileForm.of(table).to_dict())))  # as a package carries it
    return read_later_rows(
        path, form, columns=names, options=ReaderOptions(**options) if options else None, settings=settings
    )


def test_marks_and_dates_of_the_table_before_decide_what_a_few_rows_leave_open(sales, settings, tmp_path):
    path = write(tmp_path, "new.csv", "amount;day;pieces;code;paid", "2.500;03/04/2024;1.200;7;true")
    read = later(path, sales, settings)
    assert read.frame.row(0) == (2500.0, dt.date(2024, 4, 3), 1200.0, "7", True)
    assert read.misfits == []


def test_the_same_holds_in_blocks_of_a_large_file(sales, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.data.texts.HEAD_BYTES", 256)
    rows = [f"{i % 9 + 1}.500;03/04/2024;1.200;7;true" for i in range(400)]
    read = later(write(tmp_path, "new.csv", "title", "amount;day;pieces;code;paid", *rows), sales, settings)
    assert read.frame["amount"].sum() == sum((i % 9 + 1) * 1000 + 500 for i in range(400))
    assert read.frame["day"].unique().to_list() == [dt.date(2024, 4, 3)]
    assert read.misfits == []


@pytest.mark.parametrize(
    ("cells", "column", "values", "words"),
    [
        (("2500.75", "1,200.50"), "amount", [2500.75, 1200.5], "'amount' isn't written as in the training table"),
        (("04/25/2024", "01/02/2024"), "day", ["04/25/2024", "01/02/2024"], "'day' held dates in the training table"),
        (("1.5", "2.25"), "pieces", [1.5, 2.25], None),
        (("on request", "2,50"), "amount", ["on request", "2,50"], "'amount' held numbers in the training table"),
    ],
)
def test_what_does_not_fit_is_read_by_itself_and_said(sales, settings, tmp_path, cells, column, values, words):
    usual = {"amount": "1,50", "day": "03/04/2024", "pieces": "3", "code": "01", "paid": "true"}
    lines = [";".join((usual | {column: cell}).values()) for cell in cells]
    read = later(write(tmp_path, "new.csv", "x", "amount;day;pieces;code;paid", *lines), sales, settings)
    assert read.frame[column].to_list() == values
    assert [words in misfit for misfit in read.misfits] == ([True] if words else [])


def test_the_layout_of_the_table_before_is_a_first_guess_only(sales, settings, tmp_path):
    path = write(tmp_path, "new.csv", "amount,day,pieces,code,paid", '"2.500",03/04/2024,5,01,true')
    read = later(path, sales, settings)
    assert read.frame.row(0)[:2] == (2500.0, dt.date(2024, 4, 3))
    assert read.misfits == []
    path = write(tmp_path, "other.csv", "amount,day,pieces", '"2.500",03/04/2024,5')
    assert "Separator: ',' here, ';' in the training table." in later(path, sales, settings).misfits


def test_options_for_the_file_at_hand_go_before_the_form(sales, settings, tmp_path):
    path = write(tmp_path, "new.csv", "x", "amount;day;pieces;code;paid", "2.500;03/04/2024;3;01;true")
    read = later(path, sales, settings, decimal=".", date_order="month_day_year")
    assert read.frame.row(0)[:2] == (2.5, dt.date(2024, 3, 4))


def test_an_encoding_that_no_file_shows_is_remembered(settings, tmp_path):
    before = write(tmp_path, "before.csv", "name;n", "Łódź;1", "Gdańsk;2", encoding="cp1250")
    table = read_table(before, options=ReaderOptions(encoding="cp1250"), settings=settings)
    read = later(write(tmp_path, "a.csv", "name;n", "Łódź;3", encoding="cp1250"), table, settings)
    assert read.frame["name"].to_list() == ["Łódź"]
    read = later(write(tmp_path, "b.csv", "name;n", "Łódź;3", encoding="utf-8"), table, settings)
    assert read.frame["name"].to_list() == ["Łódź"]


def test_words_and_types_that_were_told_hold_for_later_files(settings, tmp_path):
    before = write(tmp_path, "before.csv", "zip,n,y", *(f"{1000 + i},{i},{i}" for i in range(30)), "1,none,2")
    told = ReaderOptions(missing=("none",), types={"zip": "text", "y": "number"})
    table = read_table(before, options=told, settings=settings)
    read = later(write(tmp_path, "new.csv", "zip,n", "1234,none", "5678,3"), table, settings)
    assert read.frame.rows() == [("1234", None), ("5678", 3)]
    workbook = tmp_path / "new.xlsx"
    write_sheets(workbook, data=[["zip", "n"], [1234, 1], [5678, 2]])
    assert later(workbook, table, settings).frame["zip"].to_list() == ["1234", "5678"]


def test_na_stays_the_value_that_it_was(settings, tmp_path):
    codes = ["DE", "FR", "IT", "ES", "PT", "NL", "BE", "DK", "SE", "NO", "NA"]
    table = read_table(write(tmp_path, "before.csv", "code,n", *(f"{c},1" for c in codes)), settings=settings)
    read = later(write(tmp_path, "new.csv", "code,n", "NA,1", "DE,2"), table, settings)
    assert read.frame["code"].to_list() == ["NA", "DE"]


def test_a_sheet_that_is_not_there_is_replaced_by_the_one_that_fits(settings, tmp_path):
    notes = [["one"], ["two"], ["three"]]
    for file, sheet, last in (("before.xlsx", "2023", "25/04/2024"), ("new.xlsx", "2024", "05/06/2024")):
        write_sheets(tmp_path / file, notes=notes, **{sheet: [["n", "day"], [1, "03/04/2024"], [2, last]]})
    table = read_table(tmp_path / "before.xlsx", options=ReaderOptions(sheet="2023"), settings=settings)
    read = later(tmp_path / "new.xlsx", table, settings, sheet="2024")
    assert read.frame["day"].to_list() == [dt.date(2024, 4, 3), dt.date(2024, 6, 5)]
    assert later(tmp_path / "before.xlsx", table, settings).frame.columns == ["n", "day"]


def test_a_form_survives_the_table_being_stored_and_opened(sales, settings):
    from workbench.data import open_table

    stored = FileForm.of(open_table(sales.short_digest, settings=settings))
    assert stored == FileForm.of(sales)
    assert stored.marks == (",", ".")
    assert stored.only(["day"]).columns.keys() == {"day"}


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 99},
        {"columns": {"day": {"kind": "evil"}}},
        {"columns": {"day": {"kind": "spelled", "decimal": 3}}},
        {"columns": ["day"]},
        {"marks": [1]},
    ],
)
def test_a_damaged_form_is_no_guess_at_all(sales, change):
    assert FileForm.from_dict({**FileForm.of(sales).to_dict(), **change}) is None
    assert FileForm.from_dict(change) is None


def test_an_unknown_encoding_or_word_in_a_form_is_passed_over(sales, settings, tmp_path):
    document = FileForm.of(sales).to_dict()
    document["options"] |= {"encoding": "zip", "delimiter": ";;"}
    path = write(tmp_path, "new.csv", "amount;day;pieces;code;paid", "2.500;03/04/2024;1;07;true")
    read = read_later_rows(path, FileForm.from_dict(document), columns=["amount", "day"], settings=settings)
    assert read.frame.row(0)[:2] == (2500.0, dt.date(2024, 4, 3))


def test_a_servers_query_stays_out_of_the_package():
    origin = {"reader": {"format": "postgresql", "options": {"query": "select 1"}, "given": {"query": "select 1"}}}
    assert "select" not in json.dumps(FileForm.of_origin(origin).only(["a"]).to_dict())


def test_a_file_that_cannot_be_read_in_any_way_says_so(sales, settings, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ReadError, match="empty"):
        later(tmp_path / "empty.csv", sales, settings)


def test_a_test_file_is_read_as_the_training_file_was(settings, tmp_path):
    train = write(tmp_path, "train.csv", "amount;y", *(f"{german(300 + 37.35 * i)};{i}" for i in range(40)))
    test = write(tmp_path, "test.csv", "amount;y", "1.000;1", "2.500;2")
    pair = resolve(DataSpec(source=str(train), test_source=str(test), target="y"), settings=settings)
    assert pair.frame()["amount"].to_list()[-2:] == [1000.0, 2500.0]
    assert FileForm.of(pair).columns["amount"].decimal == ","
    assert "misfits" not in pair.origin
    stored = read_table(test, settings=settings)  # by itself, as `workbench read` has it
    assert stored.frame()["amount"].to_list() == [1.0, 2.5]
    again = resolve(DataSpec(source=str(train), test_source=stored.short_digest, target="y"), settings=settings)
    assert again.frame().equals(pair.frame())
    other = write(tmp_path, "other.csv", "amount;y", "1000.25;1", "2500.50;2")
    noted = resolve(DataSpec(source=str(train), test_source=str(other), target="y"), settings=settings)
    assert noted.frame()["amount"].to_list()[-2:] == [1000.25, 2500.5]
    assert "'amount' isn't written as in the training table" in noted.origin["misfits"][0]


def test_words_that_were_values_in_training_stay_values_in_later_files_of_any_format(settings, tmp_path):
    path = write(tmp_path, "new.csv", "port,age", "nan,31", "NA,NA", ",42")
    write_sheets(tmp_path / "new.xlsx", rows=[["port", "age"], ["nan", 31], ["NA", "NA"], [None, 42]])
    frame = pl.DataFrame({"port": ["nan", "NA", "S", None] * 20, "age": [20 + i % 60 for i in range(80)]})
    kept = {"port": ["NA", "nan"]}
    for form in (None, FileForm.of(read_table(frame, settings=settings))):
        for each in (path, path.with_suffix(".xlsx")):
            read = read_later_rows(each, form, columns=["port", "age"], kept=kept, settings=settings)
            assert read.frame["port"].to_list() == ["nan", "NA", None]
            assert read.frame["age"].to_list() == [31, None, 42]
            told = read_later_rows(
                each, form, columns=["port", "age"], kept=kept, options=ReaderOptions(missing=("nan", "NA")),
                settings=settings,
            )  # fmt: skip
            assert told.frame["port"].to_list() == [None] * 3
