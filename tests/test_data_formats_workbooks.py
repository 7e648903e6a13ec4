"""Workbooks: the table within a sheet, and files made to hurt."""

from __future__ import annotations

import datetime as dt
import struct
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest

from workbench.data import read_table
from workbench.data.formats import open_format
from workbench.data.formats.merged_cells import Valueless
from workbench.data.looking import look_at
from workbench.data.spec import ReaderOptions
from workbench.errors import ReadError

DATA = Path(__file__).parent / "data"


@pytest.fixture
def book(tmp_path):
    def book_(**sheets):
        made = openpyxl.Workbook()
        made.remove(made.active)
        for title, rows in sheets.items():
            sheet = made.create_sheet(title)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "book.xlsx"
        made.save(path)
        return path

    return book_


def test_types_dates_and_missing_words_are_recognised(book, settings):
    rows = [
        ["name", "n", "price", "day", "moment", "ok"],
        ["ann", 1, 1.5, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 10, 30), True],
        ["NA", 2, None, dt.date(2024, 2, 1), None, False],
    ]
    table = read_table(book(Sheet=rows), settings=settings)
    frame = table.frame()
    assert frame.schema == {
        "name": pl.String,
        "n": pl.Int64,
        "price": pl.Float64,
        "day": pl.Date,
        "moment": pl.Datetime("us"),
        "ok": pl.Boolean,
    }
    assert frame["day"].to_list() == [dt.date(2024, 1, 31), dt.date(2024, 2, 1)]
    assert frame["name"].to_list() == ["ann", None]
    assert table.origin["reader"]["format"] == "excel"
    assert table.origin["reader"]["options"]["sheet"] == "Sheet"


def test_titles_empty_rows_and_empty_columns_are_passed_over(book, settings):
    rows = [
        ["Sales of the year"],
        [],
        [None, "region", "amount"],
        [None, "north", 1],
        [],
        [None, "south", 2],
        [None, None, None],
    ]
    table = read_table(book(Sheet=rows), settings=settings)
    assert table.frame().rows() == [("north", 1), ("south", 2)]
    notes = " ".join(table.origin["reader"]["notes"])
    assert "1 title row above the header (row 3) was passed over." in notes and "1 empty row" in notes
    assert table.origin["reader"]["options"]["header_line"] == 3


def test_merged_cells_hold_for_each_of_their_rows(tmp_path, settings):
    made = openpyxl.Workbook()
    sheet = made.active
    for row in [["Report", None], ["region", "n"], ["north", 1], [None, 2], [None, 3], ["south", 4]]:
        sheet.append(row)
    sheet.merge_cells("A1:B1")
    sheet.merge_cells("A3:A5")
    made.save(tmp_path / "merged.xlsx")
    table = read_table(tmp_path / "merged.xlsx", settings=settings)
    assert table.frame()["region"].to_list() == ["north"] * 3 + ["south"]
    assert any("merged cell" in note for note in table.origin["reader"]["notes"])


def test_the_first_sheet_with_a_table_is_read_unless_another_is_chosen(book, settings):
    path = book(Cover=[["My report"]], Data=[["a"], [1], [2]], More=[["b"], ["x"], ["y"]])
    assert read_table(path, settings=settings).frame().columns == ["a"]
    assert read_table(path, options=ReaderOptions(sheet="More"), settings=settings).frame().columns == ["b"]
    reading = open_format(path, options=ReaderOptions(), settings=settings, n_rows=1)
    assert reading.choices == {"sheet": ["Cover", "Data", "More"]}
    assert [batch.height for batch in reading.batches] == [1]
    with pytest.raises(ReadError, match=r"Got sheet 'Mor', needed one of the 3.*Did you mean 'More'"):
        read_table(path, options=ReaderOptions(sheet="Mor"), settings=settings)
    with pytest.raises(ReadError, match=r"no table in sheet 'Cover'"):
        read_table(path, options=ReaderOptions(sheet="Cover"), settings=settings)


def test_a_sheet_without_names_is_numbered_and_one_with_years_isnt(book, settings):
    numbered = read_table(book(S=[["ann", 1, 2.5], ["bob", 2, 3.5], ["cy", 3, 4.5]]), settings=settings)
    assert numbered.frame().columns == ["column_1", "column_2", "column_3"]
    years = read_table(book(S=[["land", 2019, 2020], ["rome", 1, 2], ["oslo", 3, 4]]), settings=settings)
    assert years.frame().columns == ["land", "2019", "2020"]


def test_the_header_line_and_types_can_be_set_by_hand(book, settings):
    path = book(S=[["a", "b"], ["x", "y"], ["1", "2"], ["3", "4"]])
    table = read_table(path, options=ReaderOptions(header_line=2, types={"x": "text"}), settings=settings)
    assert table.frame().rows() == [("1", 2), ("3", 4)]
    with pytest.raises(ReadError, match=r"Got header line 99"):
        read_table(path, options=ReaderOptions(header_line=99), settings=settings)
    with pytest.raises(ReadError, match=r"type for column 'z'"):
        read_table(path, options=ReaderOptions(types={"z": "text"}), settings=settings)


def test_repeated_names_are_told_apart_and_mixed_columns_kept_as_text(book, settings):
    table = read_table(book(S=[["a", "a", None], [1, "x", 5], [2, 7, 6]]), settings=settings)
    assert table.frame().rows(named=True)[1] == {"a": 2, "a_2": "7", "column_3": 6}
    assert any("'a' is repeated" in note for note in table.origin["reader"]["notes"])


def test_notes_below_the_rows_of_a_sheet_are_no_rows(book, settings):
    rows = [["Population"], [], ["state", "n", "share"], ["Bremen", 1, 2.5], ["Hesse", 3, 4.5], []]
    notes = [["1 Provisional figures of the last census."], ["Wiesbaden"]]
    table = read_table(book(S=[*rows, *notes]), settings=settings)
    assert table.frame().rows() == [("Bremen", 1, 2.5), ("Hesse", 3, 4.5)]
    assert "2 lines below the rows were left out (1 Provisional figures" in str(table.origin["reader"]["notes"])
    kept = read_table(book(S=[*rows, *notes]), options=ReaderOptions(footer_lines=0), settings=settings)
    assert kept.n_rows == 4
    look = look_at(book(S=[*rows[:-1], *notes]), settings=settings)
    assert look.frame.height == 4
    shorter = read_table(book(S=[*rows[:-1], *notes]), options=ReaderOptions(footer_lines=2), settings=settings)
    assert shorter.n_rows == 2


def test_a_row_of_units_in_a_sheet_is_proposed_to_be_left_out(book, settings):
    path = book(S=[["name", "weight"], [None, "kg"], ["Ann", 61], ["Bob", 70.5], ["Cid", 80]])
    look = look_at(path, settings=settings)
    assert [(proposal.option, proposal.value) for proposal in look.proposals] == [("label_lines", 1)]
    table = read_table(path, options=ReaderOptions(label_lines=1), settings=settings)
    assert table.frame()["weight"].to_list() == [61.0, 70.5, 80.0]
    assert "1 line below the column names was left out (kg)." in table.origin["reader"]["notes"]


def test_formulas_without_results_and_errors_are_told(tmp_path, settings, monkeypatch):
    made = openpyxl.Workbook()
    sheet = made.active
    for row in (["a", "b", "c"], [1, "=A2*2", 3], [2, "=A3*2", "#DIV/0!"], [3, None, 5], [4, "=A5", "#N/A"]):
        sheet.append(row)
    for cell in (sheet["C3"], sheet["C5"]):
        cell.data_type = "e"
    made.create_sheet("Fine").append(["x"])
    made.save(tmp_path / "book.xlsx")
    for piece in (1 << 20, 64):  # however the file is cut while it is looked at
        monkeypatch.setattr("workbench.data.formats.workbook_guard._PIECE", piece)
        table = read_table(tmp_path / "book.xlsx", settings=settings)
        assert table.frame()["b"].null_count() == 4
        assert table.frame()["c"].to_list() == [3, None, 5, None]
        notes = " ".join(table.origin["reader"]["notes"])
        assert "3 cells that hold formulas without stored results were read as missing (such as in B2)." in notes
        assert "2 cells that hold errors were read as missing (such as in C3)." in notes


def test_a_formula_whose_stored_result_is_an_empty_text_is_computed():
    found = Valueless()
    found.add(
        b'<c r="A1" t="str"><f>IF(B1,"x","")</f><v></v></c><c r="A2"><f>1+1</f><v>2</v></c><c r="A3"><f>1</f></c>'
    )
    assert (found.n_formulas, found.formula, found.n_errors) == (1, "A3", 0)


def test_old_and_open_workbooks_are_read(tmp_path, settings):
    people = read_table(DATA / "people.xls", settings=settings).frame()
    assert people.row(0) == ("Ada", dt.date(1815, 12, 10), 1.65)
    assert people.height == 3
    content = (DATA / "people.xls").read_bytes()
    date = content.index(struct.pack("<HH", 0x027E, 10))  # becomes an error
    error = struct.pack("<HH", 0x0205, 10) + content[date + 4 : date + 10] + bytes([7, 1])
    (tmp_path / "error.xls").write_bytes(content[:date] + error + content[date + 12 :])
    wrong = read_table(tmp_path / "error.xls", settings=settings)
    assert "1 cell that holds an error was read as missing." in wrong.origin["reader"]["notes"]
    assert wrong.frame().to_series(1).to_list() == [*people.to_series(1)[:2], None]
    (tmp_path / "open.ods").write_bytes(_ods(_ROWS))
    assert read_table(tmp_path / "open.ods", settings=settings).frame().rows() == [("x", 1), ("x", 1), ("y", 2)]
    error = _row("z", 3).replace(
        'office:value-type="float"',
        'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0" '
        'calcext:value-type="error" office:value-type="string"',
    )
    (tmp_path / "open.ods").write_bytes(_ods(_ROWS + error))
    table = read_table(tmp_path / "open.ods", settings=settings)
    assert "1 cell that holds an error was read as missing." in table.origin["reader"]["notes"]


_CELL = '<table:table-cell office:value-type="{kind}" {value}><text:p>{text}</text:p></table:table-cell>'


def _row(text: str, number: int, repeated: int = 1) -> str:
    cells = _CELL.format(kind="string", value="", text=text)
    cells += _CELL.format(kind="float", value=f'office:value="{number}"', text=number)
    return f'<table:table-row table:number-rows-repeated="{repeated}">{cells}</table:table-row>'


_HEADER = f"<table:table-row>{_CELL.format(kind='string', value='', text='a')}"
_HEADER += f"{_CELL.format(kind='string', value='', text='b')}</table:table-row>"
_ROWS = _HEADER + _row("x", 1, 2) + _row("y", 2)


def _ods(rows: str) -> bytes:
    import io

    names = "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content{names} office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="S">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
    return buffer.getvalue()


def test_a_repeated_row_of_billions_of_cells_is_refused_before_it_is_opened(tmp_path, settings):
    cell = '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
    rows = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    (tmp_path / "bomb.ods").write_bytes(_ods(_HEADER + rows))
    with pytest.raises(ReadError, match=r"1,048,577 rows and 16,384 columns"):
        read_table(tmp_path / "bomb.ods", settings=settings)


def _patched(path: Path, member: str, change) -> Path:
    with zipfile.ZipFile(path) as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    files[member] = change(files.get(member, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("reference", ["XFD1048576", "xfd1048576", "ZZZZZZ99999999999999"])
def test_one_cell_in_the_last_corner_is_refused_before_a_grid_is_made(book, settings, reference):
    far = f'<row r="9"><c r="{reference}"><v>1</v></c></row></sheetData>'.encode()
    path = _patched(book(S=[["a"], [1]]), "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"</sheetData>", far))
    with pytest.raises(ReadError, match=r"needed at most 40,000,000 cells"):
        read_table(path, settings=settings)


def test_a_bomb_among_the_files_of_a_workbook_is_refused(book, settings):
    from dataclasses import replace

    path = _patched(book(S=[["a"], [1]]), "xl/theme/theme1.xml", lambda _: b" " * 40_000_000)
    with pytest.raises(ReadError, match=r"times its size, as a bomb does"):
        read_table(path, settings=settings)
    with pytest.raises(ReadError, match=r"unpacks to more than 2 MiB"):
        read_table(path, settings=replace(settings, max_unpacked_mib=2))


def test_a_million_cells_that_share_one_long_text_are_refused(book, settings):
    path = book(S=[["a"], ["x"]])
    long = b"<sst><si><t>a</t></si><si><t>" + b"x" * 12_000_000 + b"</t></si></sst>"
    rows = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>1</v></c></row>' % (n, n) for n in range(2, 1_000))

    def sheet(xml: bytes) -> bytes:
        return xml[: xml.index(b'<row r="2"')] + rows + xml[xml.index(b"</sheetData>") :]

    _patched(_patched(path, "xl/worksheets/sheet1.xml", sheet), "xl/sharedStrings.xml", lambda _: long)
    with pytest.raises(ReadError, match=r"11 GiB of repeated text"):
        read_table(path, settings=settings)


def test_one_long_text_among_many_short_ones_is_no_bomb(book, settings):
    rows = [["a", "b"], ["x" * 30_000, "y"], *(["short", f"w{n % 9}"] for n in range(50_000))]
    assert read_table(book(S=rows), settings=settings).n_rows == 50_001


def test_a_sheet_under_a_hidden_name_is_measured_too(book, settings):
    path = book(S=[["a"], [1]])
    far = b'<row r="9"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    with zipfile.ZipFile(path) as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    files["xl/.hidden/s"] = files.pop("xl/worksheets/sheet1.xml").replace(b"</sheetData>", far)
    rels = files["xl/_rels/workbook.xml.rels"]
    files["xl/_rels/workbook.xml.rels"] = rels.replace(b"worksheets/sheet1.xml", b".hidden/s")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(ReadError, match=r"needed at most 40,000,000 cells"):
        read_table(path, settings=settings)


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_truncated_workbook_is_refused(book, settings, cut):
    path = book(S=[["a", "b"], *([n, f"w{n}"] for n in range(500))])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(ReadError, match=r"damaged"):
        read_table(path, settings=settings)
    old = path.with_suffix(".xls")
    content = (DATA / "people.xls").read_bytes()
    old.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(ReadError, match=r"damaged Excel workbook|no table"):
        read_table(old, settings=settings)


def test_a_protected_workbook_asks_for_one_without_a_password(tmp_path, settings):
    # An encrypted .xlsx is an OLE file with these streams; calamine looks for their names.
    path = tmp_path / "locked.xlsx"
    content = bytearray((DATA / "people.xls").read_bytes())
    place = content.find("Workbook".encode("utf-16-le"))
    assert place > 0
    name = "EncryptedPackage".encode("utf-16-le")
    content[place : place + len(name)] = name
    path.write_bytes(bytes(content))
    with pytest.raises(ReadError, match=r"password|damaged Excel workbook"):
        read_table(path, settings=settings)


def record(kind, content):
    return struct.pack("<HH", kind, len(content)) + content


def old_workbook(path, records):
    """Write a compound file whose only stream is a workbook of these records."""
    stream = b"".join([record(0x0809, bytes(16)), *records, record(0x000A, b"")])
    stream += bytes(max(4_096, -len(stream) % 512 + len(stream)) - len(stream))
    n_sectors = -(-len(stream) // 512)
    n_fat = -(-(n_sectors + 200) // 128)
    fat = [0xFFFFFFFD] * n_fat + [0xFFFFFFFE] + [n_fat + 2 + place for place in range(n_sectors - 1)] + [0xFFFFFFFE]
    fat += [0xFFFFFFFF] * (n_fat * 128 - len(fat))

    def entry(name, kind, start, size):
        text = (name + "\0").encode("utf-16-le")
        return (
            text.ljust(64, b"\0")
            + struct.pack("<HB", len(text), kind)
            + bytes(49)
            + struct.pack("<III", start, size, 0)
        )

    folder = entry("Root Entry", 5, 0xFFFFFFFE, 0) + entry("Workbook", 2, n_fat + 1, len(stream)) + bytes(256)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<IIIIIIIII", n_fat, n_fat, 0, 4_096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0)
    head = head[:76] + struct.pack("<109I", *range(n_fat), *[0xFFFFFFFF] * (109 - n_fat))
    path.write_bytes(head + struct.pack(f"<{len(fat)}I", *fat) + folder + stream.ljust(n_sectors * 512, b"\0"))
    return path


def test_an_old_workbook_with_one_cell_far_away_is_refused_before_it_is_opened(tmp_path, settings):
    path = old_workbook(tmp_path / "far.xls", [record(0x0203, struct.pack("<HHHd", 65_535, 16_000, 0, 1.0))])
    with pytest.raises(
        ReadError, match=r"a sheet of 65,536 rows and 16,001 columns .* needed at most 40,000,000 cells"
    ):
        read_table(path, settings=settings)


def test_an_old_workbook_whose_cells_share_long_texts_is_refused(tmp_path, settings):
    text = b"x" * 60_000  # in several records, as a text beyond 8,224 bytes is
    shared = [record(0x00FC, struct.pack("<IIHB", 1, 1, len(text), 0) + text[:8_000])]
    shared += [record(0x003C, b"\0" + text[start : start + 8_000]) for start in range(8_000, len(text), 8_000)]
    cells = [record(0x00FD, struct.pack("<HHHI", row, 0, 0, 0)) for row in range(40_000)]
    path = old_workbook(tmp_path / "texts.xls", [*shared, *cells])
    with pytest.raises(ReadError, match=r"cells hold 2 GiB of repeated text, needed at most 2 GiB"):
        read_table(path, settings=settings)


@pytest.mark.parametrize("changed", range(8))
def test_a_damaged_old_workbook_is_refused_or_read_and_never_fails_otherwise(tmp_path, settings, changed):
    rng = np.random.default_rng(changed)
    content = bytearray((DATA / "people.xls").read_bytes())
    for place in rng.integers(0, 2_000, 40):
        content[place] = rng.integers(0, 256)
    (tmp_path / "odd.xls").write_bytes(bytes(content))
    try:
        read_table(tmp_path / "odd.xls", settings=settings)
    except ReadError as refused:
        assert "needed" in str(refused).lower()
