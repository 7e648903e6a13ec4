"""What was recognised in a file is shown beforehand, and can be corrected before and afterwards."""

from __future__ import annotations

import gzip
import io
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from workbench.data import delete_table, read_table, store_frame
from workbench.data.looking import look_at
from workbench.data.originals import keep_upload, read_upload
from workbench.data.reading import reread
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="some.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def read(path, settings, **options):
    return read_table(path, options=ReaderOptions(**options), settings=settings)


def test_title_lines_above_the_header_are_left_out_and_it_is_said(write, settings):
    table = read(write("Report of sales\nprinted on Monday\n\nname,age\nAnn,31\nBob,42\n"), settings)
    assert table.frame().rows() == [("Ann", 31), ("Bob", 42)]
    assert "2 lines above the column names were left out (Report of sales; printed on Monday)." in str(table.origin)
    assert table.origin["reader"]["header_line"] == 4


def test_a_header_line_set_by_hand_is_taken(write, settings):
    path = write("5;6\n7;8\n1;2\n")
    assert read(path, settings, header_line=2).frame().to_dict(as_series=False) == {"7": [1], "8": [2]}
    assert read(path, settings, header_line=0).frame().columns == ["column_1", "column_2"]
    assert read(path, settings, header_line=0).n_rows == 3
    with pytest.raises(ReadError, match=r"header_line=9 .* needed the line"):
        read(path, settings, header_line=9)


def test_marks_within_numbers_are_recognised_or_set(write, settings):
    quoted = write('a,b,c\n"1,234,567.5",1\'000,"3,14"\n"2,000",20,"2,5"\n')
    assert read(quoted, settings).frame().row(0) == (1_234_567.5, 1_000.0, 3.14)
    pointed = write("a;b\n1.234;5\n2.345;6\n", "points.csv")
    assert read(pointed, settings).frame()["a"].to_list() == [1.234, 2.345]
    assert read(pointed, settings, decimal=",", thousands=".").frame()["a"].to_list() == [1234.0, 2345.0]


def test_an_order_of_dates_set_by_hand_decides(write, settings):
    path = write("when,n\n01/02/2024,1\n03/04/2024,2\n")
    assert read(path, settings, date_order="day_month_year").frame()["when"][0] == date(2024, 2, 1)
    assert read(path, settings, date_order="month_day_year").frame()["when"][0] == date(2024, 1, 2)


def test_words_for_missing_values_set_by_hand_replace_the_usual_ones(write, settings):
    frame = read(write("a,b\nunknown,1\nNA,2\nx,3\n"), settings, missing=("unknown",)).frame()
    assert frame["a"].to_list() == [None, "NA", "x"]


def test_types_set_by_hand_turn_misfits_into_missing_values_and_count_them(write, settings):
    path = write("a,b,c,d\n1,007,yes,2024-01-31\nx,008,no,soon\n2.5,009,perhaps,\n")
    types = {"a": "number", "b": "text", "c": "boolean", "d": "date"}
    table = read(path, settings, types=types)
    assert table.frame().rows() == [
        (1.0, "007", True, date(2024, 1, 31)),
        (None, "008", False, None),
        (2.5, "009", None, None),
    ]
    assert "1 values of 'a' don't fit its type and were read as missing ('x')." in table.origin["reader"]["notes"]
    with pytest.raises(ReadError, match=r"Got a type for column 'aa'.* Did you mean 'a'\?|needed one of the 4"):
        read(path, settings, types={"aa": "number"})


def test_encoding_delimiter_and_quotes_set_by_hand_are_taken(write, settings):
    path = write("a*b\n'\"é*1\n".encode("cp850"))
    table = read(path, settings, encoding="cp850", delimiter="*", quoted=False)
    assert table.frame().rows() == [("'\"é", 1)]
    with pytest.raises(ReadError, match="needed one such as utf-8"):
        read(path, settings, encoding="utf-99")
    with pytest.raises(ReadError, match="damaged ASCII text"):
        read(path, settings, encoding="ascii")


def test_free_text_keeps_its_blanks_and_categories_lose_them(write, settings):
    rows = "".join(f"{'spam ' if n % 2 else 'ham'}\t{' ' if n < 9 else ''}a sentence number {n} \n" for n in range(200))
    frame = read(write("label\ttext\n" + rows, "some.tsv"), settings).frame()
    assert frame["label"].unique().sort().to_list() == ["ham", "spam"]
    assert frame["text"][0] == " a sentence number 0 "


def test_a_look_shows_what_would_be_read_and_stores_nothing(write, settings):
    content = "Sales\nn;price;state\n" + "".join(f"{n};1,{n:02d};{'unknown' if n % 5 else 'new'}\n" for n in range(300))
    look = look_at(write(content), settings=settings)
    assert (look.format, look.frame.height, look.n_bytes) == ("csv", 100, len(content))
    assert (look.options.delimiter, look.options.decimal, look.options.header_line) == (";", ",", 2)
    assert look.lines[:2] == ["Sales", "n;price;state"]
    assert "utf-8" in look.choices["encoding"]
    (proposal,) = look.proposals
    assert (proposal.option, proposal.value[-1]) == ("missing", "unknown")
    assert not settings.home.exists()
    again = look_at(write(content), options=look.with_proposals(), settings=settings)
    assert again.frame["state"].null_count() == 80
    assert again.proposals == []


def test_a_look_at_a_large_or_packed_file_reads_its_beginning_only(write, settings):
    content = ("a,b\n" + "1,x\n" * 400_000 + "broken\n").encode()
    for path in (write(content), write(gzip.compress(content), "some.csv.gz")):
        assert look_at(path, settings=settings).frame.height == 100


def test_numbers_in_the_first_line_and_doubtful_dates_are_proposed_to_be_corrected(write, settings):
    look = look_at(write("5.1,01/02/2024\n4.9,03/04/2024\n", "n.csv"), settings=settings)
    assert [proposal.option for proposal in look.proposals] == ["header_line", "date_order"]
    look = look_at(write("5.1,3\n4.9,4\n", "m.csv"), settings=settings)
    assert [(proposal.option, proposal.value) for proposal in look.proposals] == [("header_line", 0)]


def test_a_table_is_read_again_with_other_options(write, settings):
    path = write("a,b\n1,unknown\n2,x\n")
    first = read_table(path, target="b", settings=settings)
    again = reread(first, ReaderOptions(missing=("unknown",)), settings=settings)
    assert (again.column("b").n_missing, again.target, again.name) == (1, "b", "some")
    assert again.digest != first.digest
    path.write_text("a,b\n3,y\n")
    with pytest.raises(ReadError, match="has changed since it was read"):
        reread(first, ReaderOptions(), settings=settings)
    path.unlink()
    with pytest.raises(ReadError, match="no longer there"):
        reread(first, ReaderOptions(), settings=settings)


def test_a_table_from_memory_can_not_be_read_again(settings, write):
    table = store_frame(read(write("a\n1\n"), settings).frame(), name="rows", settings=settings)
    with pytest.raises(ReadError, match="came from memory and not from a file"):
        reread(table, ReaderOptions(), settings=settings)


def test_an_upload_is_kept_once_and_goes_with_the_last_table_that_came_of_it(settings):
    content = b"a,b\n1,unknown\n2,x\n"
    paths = {keep_upload(io.BytesIO(content), "../people.csv", settings=settings) for _ in range(2)}
    (path,) = paths
    assert path.parent.parent == settings.home / "uploads"
    first = read_upload(path, settings=settings)
    again = reread(first, ReaderOptions(missing=("unknown",)), settings=settings)
    assert (first.origin["kind"], again.column("b").n_missing) == ("upload", 1)
    delete_table(first.digest, settings=settings)
    assert path.exists()
    delete_table(again.digest, settings=settings)
    assert not path.parent.exists()


def test_an_upload_that_is_no_table_is_not_kept(settings):
    path = keep_upload(io.BytesIO(b"\x00\x01"), "people.csv", settings=settings)
    with pytest.raises(ReadError):
        read_upload(path, settings=settings)
    assert not path.parent.exists()


def test_a_word_for_missing_is_recognised_or_proposed_however_it_is_spaced(write, settings):
    look = look_at(Path(__file__).resolve().parent.parent / "examples" / "sales.csv")
    assert (look.proposals, look.options.missing_marks) == ([], ("k. A.",))
    assert look.frame["Rabatt"].dtype == pl.Float64
    look = look_at(write("a,b\nk. A.,1\nx,2\n"), settings=settings)
    assert [proposal.option for proposal in look.proposals] == ["missing"]
    assert "k. A." in look.proposals[0].value


@pytest.mark.parametrize(
    ("content", "proposed"),
    [
        (b"Anna,23,Rome\nBen,31,Oslo\nCleo,27,Rome\n", True),
        (b"country,2019,2020\nItaly,1,2\nNorway,3,4\n", False),
        (b"name,age\nAnna,23\nBen,31\n", False),
        (b"Anna,23,weight\nBen,31,70.5\nCleo,27,61.2\n", False),
        (b"red,blue\ngreen,white\n", False),
    ],
)
def test_a_first_line_with_numbers_where_the_lines_below_have_them_may_be_data(settings, tmp_path, content, proposed):
    (tmp_path / "people.csv").write_bytes(content)
    seen = look_at(tmp_path / "people.csv", settings=settings)
    assert [proposal.value for proposal in seen.proposals if proposal.option == "header_line"] == [0] * proposed
