"""Text whose columns are set apart by blanks."""

from __future__ import annotations

import gzip

import polars as pl
import pytest

from workbench.cli.tables import parse_options
from workbench.data import read_table
from workbench.data.aligned import Alignment, find_alignment
from workbench.data.looking import look_at
from workbench.data.reading import reread
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

CARS = b"""                   mpg cyl  disp  hp "made in"
Mazda              21.0   6 160.0 110 Japan
"Hornet 4 Drive"   21.4   6 258.0 110 "North America"
Valiant            18.1   6 225.0  NA "North America"
"""
FIXED = b"""city          people   area
New York     8804190  778.2
Oslo          709037  480.0
Rio          6211423 1200.3
"""


def written(tmp_path, content, name="table.txt"):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def test_a_table_that_r_printed_is_read_with_its_row_names_and_quoted_blanks(settings, tmp_path):
    table = read_table(written(tmp_path, CARS), settings=settings)
    assert table.frame().columns == ["column_1", "mpg", "cyl", "disp", "hp", "made in"]
    assert table.frame().row(1) == ("Hornet 4 Drive", 21.4, 6, 258.0, 110, "North America")
    assert table.frame()["hp"].null_count() == 1
    reader = table.origin["reader"]
    assert (reader["delimiter"], reader["options"]["delimiter"]) == ("spaces", " ")
    assert reader["notes"][0].startswith("The columns are set apart by blanks")


def test_cells_with_single_blanks_are_whole_where_two_set_columns_apart(settings, tmp_path):
    content = FIXED.replace(b"778.2", b" 778.2").replace(b"6211423 1200.3", b"6211423  1200.3")
    table = read_table(written(tmp_path, content), settings=settings)
    assert table.frame().rows()[0] == ("New York", 8804190, 778.2)
    assert table.frame().rows()[2] == ("Rio", 6211423, 1200.3)


def test_numbers_with_single_blanks_and_windows_line_ends_are_read(settings, tmp_path):
    table = read_table(written(tmp_path, b"x y\r\n1 2\r\n 3 4\r\n5\t6 \r\n"), settings=settings)
    assert table.frame().rows() == [(1, 2), (3, 4), (5, 6)]


@pytest.mark.parametrize(
    "content",
    [
        b"full name\nAda Lovelace\nAlan Turing\nGrace Hopper\n",
        b"time\n2024-01-01 10:00\n2024-01-02 11:00\n2024-01-03 12:00\n",
        b"text\nwe met\nshe said so\nno\n",
        b"a,b c\n1,x y\n2,z w\n3,v u\n",
        b"name\n\n a  b\nc\n",
    ],
)
def test_one_column_of_words_and_usual_delimiters_stay_as_they_are(content):
    assert find_alignment(content, ReaderOptions()) is None


def test_what_was_recognised_can_be_corrected_in_both_directions(settings, tmp_path):
    path = written(tmp_path, b"product code\nwidget 12\ngadget 13\nthing 14\n")
    assert look_at(path, settings=settings).frame.columns == ["product code"]
    chosen = parse_options(["delimiter=spaces"])
    seen = look_at(path, options=chosen, settings=settings)
    assert (seen.frame.columns, seen.options.delimiter) == (["product", "code"], " ")
    table = read_table(written(tmp_path, CARS), settings=settings)
    single = reread(table, ReaderOptions(delimiter=","), settings=settings)
    assert single.n_columns == 1


def test_a_line_with_a_cell_more_is_refused_with_its_number(settings, tmp_path):
    path = written(tmp_path, b"x y\n1 2\n3 4\n5 6 7\n")
    with pytest.raises(ReadError, match=r"3 cells in line 4, needed 2 as in the header \(spaces-separated\)"):
        read_table(path, options=ReaderOptions(delimiter=" "), settings=settings)


def test_a_large_packed_file_is_read_in_blocks_to_the_same_rows(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.data.texts.HEAD_BYTES", 4_096)
    monkeypatch.setattr("workbench.data.aligned._CHUNK_BYTES", 1_000)
    frame = pl.DataFrame({"n": range(3_000), "half": [n / 2 for n in range(3_000)]})
    lines = "".join(f'{n:>8} {half:>10}   "row {n}"\n' for n, half in frame.rows())
    path = written(tmp_path, gzip.compress(f"       n       half   label\n{lines}".encode()), "table.txt.gz")
    table = read_table(path, settings=settings)
    assert table.frame().drop("label").equals(frame)
    assert table.frame()["label"][-1] == "row 2999"
    assert reread(table, ReaderOptions.model_validate(table.origin["reader"]["options"]), settings=settings) == table


def test_quotes_are_letters_where_a_person_says_so():
    aligned = Alignment(quoted=False)
    assert aligned.cells(b'5"  inch   pipe') == [b'5"', b"inch", b"pipe"]


def test_names_of_rows_of_two_words_stay_one_column_with_a_hint(settings, tmp_path):
    rows = b"Mazda RX4      21.0   6 160.0\nDatsun 710     22.8   4 108.0\nHornet 4 Drive 21.4   6 258.0\n"
    text = b"                mpg cyl  disp\n" + rows
    seen = look_at(written(tmp_path, text), settings=settings)
    assert seen.frame.width == 1
    assert any("where they set columns apart" in note for note in seen.notes)
    plain = look_at(written(tmp_path, b"name\nAda Lovelace\nAlan Turing\nGrace Hopper\n"), settings=settings)
    assert not plain.notes
