"""The Data page: samples, uploads good and bad, tabs."""

from __future__ import annotations

import gzip
import zipfile

import polars as pl
import pytest

from workbench.data import open_table, tables


def upload(page, name, content):
    page.file_uploader[0].upload(name, content)
    return page.run()


def test_a_sample_opens_with_one_click(open_page):
    page = open_page("data")
    page.button(key="data.sample.titanic").click().run()
    assert not page.exception
    assert [metric.value for metric in page.metric][:2] == ["1,309", "14"]
    assert len(page.dataframe[0].value) == 1000
    assert any("1,000 of 1,309 rows" in caption.value for caption in page.caption)


def test_an_uploaded_csv_is_stored_and_opened(open_page, settings):
    page = upload(open_page("data"), "people.csv", b"age, job\n31, nurse\n?, clerk\n44, nurse\n")
    assert not page.exception
    assert [table.name for table in tables(settings=settings)] == ["people"]
    assert page.query_params["table"] == tables(settings=settings)[0].short_digest
    assert page.metric[0].value == "3"
    assert any("Recognised" in caption.value for caption in page.caption)
    assert len(list((settings.home / "uploads").iterdir())) == 1  # kept once, to be read again with other options


def test_a_gzipped_csv_and_a_parquet_file_upload_too(open_page, settings, tmp_path):
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_parquet(tmp_path / "t.parquet")
    page = upload(open_page("data"), "t.parquet", (tmp_path / "t.parquet").read_bytes())
    assert page.metric[0].value == "2"
    page = upload(open_page("data"), "u.csv.gz", gzip.compress(b"a,b\n1,x\n2,y\n3,z\n"))
    assert not page.exception
    assert page.metric[0].value == "3"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("header.csv", b"a,b,c\n"),
        ("binary.csv", bytes(range(256)) * 40),
        ("uneven.csv", b"a,b\n1,2\n3,4,5\n"),
        ("wrong.parquet", b"this is no parquet"),
        ("wrong.csv.gz", b"this is not gzipped"),
    ],
)
def test_a_bad_upload_says_what_came_and_what_to_do(open_page, settings, name, content):
    page = upload(open_page("data"), name, content)
    assert not page.exception
    warning = page.warning[0]
    assert len(warning.proto.title) > 20
    assert warning.value
    assert tables(settings=settings) == []
    assert not list((settings.home / "uploads").iterdir())
    page.button(key="data.sample.iris").click().run()  # nothing is lost: the page goes on
    assert page.metric[0].value == "150"


def test_the_same_bad_file_can_be_mended_and_uploaded_again(open_page):
    page = upload(open_page("data"), "t.csv", b"")
    assert page.warning
    page = upload(page, "t.csv", b"a,b\n1,x\n2,y\n")
    assert not page.warning
    assert page.metric[0].value == "2"


def test_stored_tables_are_listed_and_open(open_page):
    upload(open_page("data"), "first.csv", b"a,b\n1,x\n2,y\n")
    page = open_page("data")
    stored = next(button for button in page.button if button.label.startswith("first"))
    stored.click().run()
    assert not page.exception
    assert page.metric[0].value == "2"


@pytest.mark.parametrize("tab", ["Columns", "Checks"])
def test_the_other_tabs_draw(open_page, tab):
    page = open_page("data", table="titanic")
    page.session_state["data.tabs"] = tab
    page.run()
    assert not page.exception
    if tab == "Columns":
        assert len(page.get("plotly_chart")) == 12
    else:
        assert any("free text" in text.value for text in page.markdown)


def test_columns_of_dates_are_drawn(open_page):
    page = open_page("data", table="bike_sharing")
    page.session_state["data.tabs"] = "Columns"
    page.run()
    assert not page.exception
    assert any("datetime · 731 values" in caption.value for caption in page.caption)


def test_the_checks_tab_says_each_thing_once(open_page):
    page = open_page("data", table="titanic")
    page.session_state["data.tabs"] = "Checks"
    page.run()
    assert not page.exception
    told = [text.value for text in page.markdown]
    for said in ("boat is filled in almost only", "fare has a long tail", "name is free text"):
        assert sum(said in text for text in told) == 1, said
    assert any("What else stands out" in text for text in told)
    assert any("7 columns have missing values" in text for text in told)  # what no check says


def test_a_wide_table_shows_its_columns_in_pages(open_page, settings):
    header = ",".join(f"c{i}" for i in range(30))
    rows = "\n".join(",".join(str(i * j) for i in range(30)) for j in range(5))
    page = upload(open_page("data"), "wide.csv", f"{header}\n{rows}\n".encode())
    page.session_state["data.tabs"] = "Columns"
    page.run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 12


def test_a_file_that_needs_a_choice_is_kept_until_it_is_made(open_page, settings, tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("one.csv", "a,b\n1,x\n2,y\n")
        archive.writestr("two.csv", "c,d\n3,z\n4,w\n5,v\n")
    page = upload(open_page("data"), "two.zip", (tmp_path / "two.zip").read_bytes())
    assert not page.exception
    assert "one.csv" in page.warning[0].proto.title + page.warning[0].value
    page.selectbox(key="data.pending.member").select("two.csv").run()
    page.button(key="data.pending_go").click().run()
    assert not page.exception
    assert page.metric[0].value == "3"
    assert [info.n_rows for info in tables(settings=settings)] == [3]


def test_a_file_that_cant_be_read_at_all_isnt_kept(open_page, settings):
    page = upload(open_page("data"), "ragged.csv", b"a,b\n1,2\n3,4,5\n6,7\n")
    assert not page.exception
    assert "line 3" in page.warning[0].proto.title
    assert not list((settings.home / "uploads").iterdir())


def test_a_line_at_the_end_that_may_be_a_note_is_left_out_in_one_click(open_page, settings):
    page = upload(open_page("data"), "notes.csv", b"name,v,w\nA,1,2\nB,2,3\nthese values are rounded\n")
    next(button for button in page.button if button.label == "Leave out 1 line at the end").click().run()
    page.button(key="data.pending_go").click().run()
    assert not page.exception
    assert [info.n_rows for info in tables(settings=settings)] == [2]


def test_what_was_recognised_is_corrected_beside_a_preview(open_page, settings):
    content = "Report;;\n;;\nday;amount;state\n03/04/2024;1,5;unknown\n05/06/2024;2,25;paid\n07/08/2024;3;paid\n"
    page = upload(open_page("data"), "sales.csv", content.encode())
    assert not page.exception
    first = tables(settings=settings)[0]
    assert (first.n_rows, first.n_columns) == (3, 3)
    key = f"data.reread.{first.short_digest}"
    page.session_state[key] = True
    page.run()
    words = next(button for button in page.button if button.label == "Read these words as missing")
    words.click().run()
    dates = next(box for box in page.selectbox if box.label == "Dates such as 03/04/2024")
    assert dates.key != f"{key}.dates"  # a browser would send back what the control of that key showed before
    dates.select("month_day_year").run()
    page.button(key=f"{key}.go").click().run()
    assert not page.exception
    table = open_table(page.query_params["table"], settings=settings)
    assert table.digest != first.digest
    assert table.frame()["state"].to_list() == [None, "paid", "paid"]
    assert [day.month for day in table.frame()["day"]] == [3, 5, 7]
    assert table.frame()["amount"].to_list() == [1.5, 2.25, 3.0]


def test_associations_are_drawn_with_their_numbers(open_page):
    page = open_page("data", table="titanic")
    page.session_state["data.tabs"] = "Associations"
    page.run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1


def test_a_file_of_the_server_opens_by_its_path_only_where_a_setting_allows_it(open_page, monkeypatch, tmp_path):
    assert not any(entry.label == "A file on the server" for entry in open_page("data").expander)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "t.csv").write_text("a,b\n1,x\n2,y\n")
    monkeypatch.setenv("WORKBENCH_FILES", str(tmp_path / "files"))
    page = open_page("data")
    page.selectbox(key="data.server_file").select("t.csv").run()
    page.button(key="data.server_open").click().run()
    assert not page.exception
    assert page.metric[0].value == "2"


def test_the_app_stays_up_whatever_is_uploaded(open_page, settings, tmp_path):
    from test_hostile_files import CASES, Gives

    chosen = [
        "UTF-16 with a mark",
        "nothing",
        "a NUL byte in the middle",
        "a picture called .csv",
        "a quote that never closes",
        "repeated names",
        "dates of three orders mixed",
        "a column of nothing",
        "a zip in a zip",
        "a zip that climbs out",
        "an encrypted zip",
        "Parquet cut short",
        "a workbook cut short",
        "SQLite cut short",
        "JSON nested thousands deep",
        "pickled objects in .npz",
    ]
    page = open_page("data")
    for case in chosen:
        name, build, wanted = CASES[case]
        build(tmp_path / name)
        page = upload(page, name, (tmp_path / name).read_bytes())
        assert not page.exception, case
        if isinstance(wanted, Gives):
            assert page.metric[0].value == str(wanted.rows), case
        else:
            assert page.warning, case
    page.button(key="data.sample.iris").click().run()
    assert page.metric[0].value == "150"


@pytest.mark.parametrize("typed", ["{path}", "sqlite:///{path}", "SQLITE:////etc/passwd", "duckdb:///{path}"])
def test_a_path_in_the_place_of_a_database_reads_no_file_of_the_server(open_page, settings, tmp_path, typed):
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nhidden\nwords\n")
    page = open_page("data")
    page.text_input(key="data.connection").set_value(typed.format(path=secret)).run()
    page.text_area(key="data.query").set_value("select 1").run()
    page.button(key="data.query_go").click().run()
    assert not page.exception
    assert len(page.warning) == 1 and "hidden" not in page.warning[0].value
    assert not tables(settings=settings)
