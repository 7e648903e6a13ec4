"""Files as offices, spreadsheets and surveys write them: the table in them is found, whatever stands around it."""

from __future__ import annotations

import io

import polars as pl
import pytest

from workbench.data.looking import look_at
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


@pytest.mark.parametrize(
    ("footer", "said"),
    [
        (
            "\nSource: Eurostat, Luxembourg\n© 2024; all rights\n",
            "2 lines below the rows were left out (Source: Eurostat",
        ),
        ("Quelle: Destatis\n", "1 line below the rows was left out (Quelle: Destatis)."),
        ("__________\nStand: 12.3.2024 / 08:15\n\n", "2 lines below the rows were left out (__________; Stand"),
        (
            ";;\n;;\nData from database: WDI;;\nLast Updated: 06/28/2024;;\n",
            "(Data from database: WDI; Last Updated: 06",
        ),
        (
            '\n"Note: rounded; ""p"" is provisional";;\n',
            '1 line below the rows was left out (Note: rounded; "p" is prov',
        ),
        ("\nThe figures of 2023 are provisional.", "1 line below the rows was left out (The figures of 2023"),
    ],
)
def test_notes_below_the_rows_are_no_rows(footer, said):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.data.blocks.is_short", lambda block: True)
        patch.setattr("workbench.data.streaming.is_short", lambda block: True)
        frame, notes = read("name;v;w\n" + "Ann;1;2,5\nBob;2;3,5\n" * 30 + footer)
    assert (frame.height, frame.row(59)) == (60, ("Bob", 2, 3.5))
    assert said in notes


def test_a_footer_leaves_the_delimiter_of_a_short_table_alone():
    frame, _ = at_once("id,genres\n1,A|B\n2,A|B\n3,A|B\nSource: x\n\nnote on it\n")
    assert frame.rows() == [(1, "A|B"), (2, "A|B"), (3, "A|B")]


def test_a_cell_of_several_lines_at_the_end_is_no_footer():
    content = 'name,text\nAnn,"x\n\nwith the very best regards"\n'
    assert read(content)[0].rows() == [("Ann", "x\n\nwith the very best regards")]
    assert at_once("text,label\nthis is a long text,a\nand this is one without,\n")[0].height == 2


def test_lines_at_the_end_that_may_be_rows_are_left_out_by_an_option_that_is_proposed():
    uneven = "name,v,w\nA,1,2\nB,2,3\nthese values are rounded\n"
    for attempt in (at_once, in_blocks):
        with pytest.raises(ReadError, match=r"1 cell in line 4, .* leave it out with footer_lines=1\.") as caught:
            attempt(uneven)
        assert caught.value.options == {"footer_lines": 1}
    assert read(uneven, footer_lines=1)[0].height == 2
    even = "name,v,w\nA,1,2\nB,2,3\nthese values are rounded off,,\n"
    frame, report = at_once(even)
    assert (frame.height, report["proposed"]) == (3, {"footer_lines": 1})
    assert read(even, footer_lines=1)[0].height == 2
    assert read(even + "\nSource: x,,\n", footer_lines=0)[0].height == 4


def test_a_look_at_the_beginning_takes_its_last_line_for_no_footer(tmp_path, settings):
    rows = "name,v,w\n" + "A,1,2\n" * 99_000 + "Source: of the river,,\n" + "A,1,2\n" * 99_000
    (tmp_path / "some.csv").write_text(rows)
    assert not look_at(tmp_path / "some.csv", settings=settings).notes


QUALTRICS = (
    'StartDate,Q1,Q2\nStart Date,"How old are you,\nin years?",How are you?\n'
    '"{""ImportId"":""startDate""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2_TEXT""}"\n'
    "2024-01-01 10:00:00,23,good\n2024-01-02 11:00:00,33,bad\n2024-01-03 12:00:00,43,good\n"
)


def test_the_questions_below_the_names_of_a_survey_are_left_out():
    frame, notes = read(QUALTRICS)
    assert [str(dtype) for dtype in frame.dtypes] == ["Datetime(time_unit='us', time_zone=None)", "Int64", "String"]
    assert frame["Q1"].to_list() == [23, 33, 43]
    assert "2 lines below the column names were left out (Start Date How old are you" in notes
    with pytest.raises(ReadError, match="in line 8"):
        at_once(QUALTRICS + "1,2\n")
    assert read(QUALTRICS, label_lines=0)[0].height == 5
    assert read("a;b\n;\n;good\n;x\n;y\n")[0].height == 4


def test_a_line_of_units_is_proposed_to_be_left_out(tmp_path, settings):
    content = "name,weight,height\n,kg,m\nAnn,61,1.7\nBob,70.5,1.8\nCid,80,1.9\nDan,--,--\nEve,--,--\n"
    frame, report = at_once(content)
    assert frame["weight"].dtype == pl.String
    assert report["proposed"] == {"label_lines": 1}
    assert "label_lines=1 leaves it out" in " ".join(report["notes"])
    assert read(content, label_lines=1)[0].row(0) == ("Ann", 61.0, 1.7)
    (tmp_path / "some.csv").write_text(content)
    look = look_at(tmp_path / "some.csv", settings=settings)
    assert [(proposal.option, proposal.value) for proposal in look.proposals][:1] == [("label_lines", 1)]
    again = look_at(tmp_path / "some.csv", options=ReaderOptions(label_lines=1), settings=settings)
    assert (again.proposals, again.frame["weight"].null_count()) == ([], 2)
    assert at_once("a,b\nx,unknown\ny,2\nz,3\nw,4\n")[1].get("proposed") is None


@pytest.mark.parametrize(
    ("content", "columns", "n_rows"),
    [
        ("# measured in May, at noon\n# by A, B\na,b\n1,2\n3,4\n", ["a", "b"], 2),
        ("#chrom\tpos\nchr1\t5\nchr2\t6\n", ["#chrom", "pos"], 2),
        ("# all of them\n#chrom\tpos\nchr1\t5\nchr2\t6\n", ["#chrom", "pos"], 2),
        ("sep=;\na;b\n1,5;2\n3,5;4\n", ["a", "b"], 2),
        ('"a","b"\n"1",1.5,"x, y"\n"2",2.5,"z"\n', ["column_1", "a", "b"], 2),
        ("a,b\n1,2\n# end of the data\n", ["a", "b"], 1),
    ],
)
def test_comments_and_what_programs_put_around_a_table_are_told_from_it(content, columns, n_rows):
    frame, _ = at_once(content)
    assert (frame.columns, frame.height) == (columns, n_rows)


STATES = """Land;Einwohner;Fläche;Anteil
Bayern;13.369.393;70.550;0,125
Hessen;6.391.360;21.115;0,25
Berlin;3.755.251;891;0,375
"""


@pytest.mark.parametrize("n_copies", [1, 40])
def test_a_column_takes_the_thousands_marks_that_the_others_show(n_copies):
    head, _, rows = STATES.partition("\n")
    frame, notes = read(f"{head}\n{rows * n_copies}")
    assert frame["Einwohner"][:3].to_list() == [13_369_393, 6_391_360, 3_755_251]
    assert frame["Fläche"][:3].to_list() == [70_550, 21_115, 891]
    assert frame["Anteil"][:3].to_list() == [0.125, 0.25, 0.375]
    assert "'Fläche' was read with '.' between the thousands" in notes


def test_english_thousands_in_a_file_with_semicolons_are_told_by_the_others():
    frame, _ = read("a;b;c\n1,234,567;70,550;1.5\n2,345,678;891;2.25\n")
    assert frame["b"].to_list() == [70_550, 891]


def test_three_decimals_stay_three_decimals_where_nothing_shows_thousands_and_a_note_says_so():
    frame, notes = read("lat;lon\n48.137;11.576\n52.520;13.405\n")
    assert frame["lat"].to_list() == [48.137, 52.52]
    assert "'lat' has '48.137', which was read with a decimal point" in notes
    assert read("lat,lon\n48.137,11.576\n52.520,13.405\n")[1] == ""
    frame, notes = read("share;x\n0.125;1\n0.250;2\n")
    assert frame["share"].to_list() == [0.125, 0.25] and notes == ""


def test_spelled_whole_numbers_beyond_doubles_stay_text():
    frame, notes = read("account;x\n9.007.199.254.740.993;1,5\n9.007.199.254.740.995;2,5\n")
    assert frame["account"].to_list() == ["9.007.199.254.740.993", "9.007.199.254.740.995"]
    assert "more digits than a decimal number keeps" in notes
    by_hand, _ = read("account;x\n9.007.199.254.740.993;1,5\n9.007.199.254.740.995;2,5\n", types={"account": "number"})
    assert by_hand["account"].to_list() == [2.0**53, 2.0**53 + 4]
