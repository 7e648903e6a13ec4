"""Files as offices, spreadsheets and surveys write them: the table in them is found, whatever stands around it."""

from __future__ import annotations

import io

import polars as pl
import pytest

from workbench.data.reading import parse_content
from workbench.data.spec import ReaderOptions
from workbench.data.streaming import LargeText, NextPassError
from workbench.data.texts import report_document
from workbench.errors import ReadError


def at_once(content, **options):
    content = content.encode() if isinstance(content, str) else content
    return parse_content(content, name="some.csv", options=ReaderOptions(**options))


def in_blocks(content, **options):
    content = content.encode() if isinstance(content, str) else content
    chosen = ReaderOptions(**options)
    text = LargeText(lambda: io.BytesIO(content), name="some.csv", options=chosen, max_columns=100, tabs=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.data.blocks.BLOCK_BYTES", 64)
        for _ in range(12):
            try:
                return pl.concat(text.batches()), report_document(**text.report, options=chosen)
            except NextPassError:
                continue
    raise AssertionError("no end of passes")


def read(content, **options):
    """Read at once and in blocks, which must be the same."""
    frame, report = at_once(content, **options)
    again, report_again = in_blocks(content, **options)
    assert again.equals(frame), (again, frame)
    assert {**report_again, "notes": sorted(report_again["notes"])} == {**report, "notes": sorted(report["notes"])}
    return frame, " ".join(report["notes"])


@pytest.mark.parametrize(
    ("content", "columns", "first"),
    [
        ("id;preis\n1;1,50 €\n2;2,50 €\n", ["id", "preis"], (1, "1,50 €")),
        ("id,genres\n1,A|B|C\n2,A|D|C\n", ["id", "genres"], (1, "A|B|C")),
        ("id,comment\n0,good; cheap; fast\n1,bad; dear; slow\n", ["id", "comment"], (0, "good; cheap; fast")),
        ("id,tags,v\n0,a;b;c;d,0\n1,a;b;c;d,1\n", ["id", "tags", "v"], (0, "a;b;c;d", 0)),
        ("name;Betrag, EUR\nAnn;1,50\nBob;2,25\n", ["name", "Betrag, EUR"], ("Ann", 1.5)),
        ("Last, First;Age, years\nDoe, Jane;3,5\nRoe, Max;4,5\n", ["Last, First", "Age, years"], ("Doe, Jane", 3.5)),
        ('"a;b","c;d"\n"1;2","3;4"\n"5;6","7;8"\n', ["a;b", "c;d"], ("1;2", "3;4")),
        (",name\nx,Ann\ny,Bob\n", ["column_1", "name"], ("x", "Ann")),
        ("a\tb\n1,2\t3\n3,4\t4\n", ["a", "b"], (1.2, 3)),
    ],
)
def test_cells_that_hold_another_delimiter_leave_header_and_rows_whole(content, columns, first):
    frame, _ = read(content)
    assert (frame.columns, frame.row(0), frame.height) == (columns, first, 2)


def test_a_title_with_a_comma_above_a_table_of_semicolons_is_a_title():
    frame, notes = read("Sales, in EUR\n\nname;price\n" + "".join(f"Ann;{n},50\n" for n in range(30)))
    assert frame.row(1) == ("Ann", 1.5)
    assert "1 line above the column names was left out (Sales, in EUR)." in notes


def test_facts_of_two_cells_above_a_wide_table_are_titles():
    frame, notes = read(
        '"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-06-28",\n\n'
        '"Country Name","Country Code","Indicator Name","Indicator Code","1960","1961",\n'
        '"Aruba","ABW","Population, total","SP.POP.TOTL","54608","55811",\n'
        '"Angola","AGO","Population, total","SP.POP.TOTL","5357195","",\n'
    )
    assert frame.columns == ["Country Name", "Country Code", "Indicator Name", "Indicator Code", "1960", "1961"]
    assert frame["1961"].to_list() == [55811, None]
    assert "2 lines above the column names were left out (Data Source World Development Indicators; Last" in notes
    assert "A comma ends each row" in notes


def test_lines_with_one_cell_too_many_are_no_titles():
    with pytest.raises(ReadError, match="3 cells in line 2, needed 2"):
        at_once("name,city\nAnn,Paris, France\nBob,Rome, Italy\n")


@pytest.mark.parametrize("header", ["a,b,c", "a,b,c,"])
@pytest.mark.parametrize("end", ["", ","])
def test_a_comma_that_ends_each_row_is_no_column(header, end):
    frame, notes = read(header + "\n" + f"1,x,2.5{end}\n" * 40)
    assert frame.columns == ["a", "b", "c"]
    assert frame.row(39) == (1, "x", 2.5)
    assert ("A comma ends each row; it was read as its end, not as one more column." in notes) == bool(end)


def test_a_last_column_without_a_name_is_kept_where_it_has_a_value():
    for header, n in (("a,b,", 40), ("a,b", 300)):
        frame, notes = read(header + "\n" + "1,x,\n" * n + "2,y,late\n" + "1,x,\n" * 40)
        assert frame["column_3"].drop_nulls().to_list() == ["late"]
        assert "1 of the columns had no name and got one: column_3." in notes


def test_one_bad_byte_does_not_turn_utf8_into_windows_1252():
    rows = "".join(f"Köln,{n}\n" for n in range(40)).encode()
    for content in (
        b"stadt,n\n" + rows + b"M\xfcnster,1\n" + rows,
        "größe,n\n".encode() + b"M\xfcnster,1\n" + rows,
        b"gr\xf6\xdfe,n\nM\xfcnster,1\n" + rows,
        b"stadt,n\nx,1\n" + b"y,2\n" * 200 + b"M\xfcnster,1\n" + rows,
    ):
        frame, notes = read(content)
        assert frame.to_series(0).is_in(["Köln"]).sum() >= 40
        assert frame.to_series(0).is_in(["M\ufffdnster"]).sum() == 1
        assert "UTF-8" in notes
        assert "Windows" not in notes
    frame, notes = read(b"stadt,n\n" + rows + b"M\xfcnster,1\n", encoding="utf-8")
    assert "1 byte isn't UTF-8 (in line 42) and was read as '\ufffd'" in notes


def test_a_file_in_an_older_encoding_stays_in_it():
    rows = "".join(f"Köln,{n}\n" for n in range(40)).encode("cp1252")
    for content in (b"stadt,n\n" + rows, b"stadt,n\n" + b"Bonn,1\n" * 300 + rows):
        frame, notes = read(content)
        assert frame["stadt"].is_in(["Köln"]).sum() == 40
        assert "read as Windows-1252" in notes
    with pytest.raises(ReadError, match="damaged UTF-8 text"):
        at_once(b"stadt,n\n" + rows, encoding="utf-8")
