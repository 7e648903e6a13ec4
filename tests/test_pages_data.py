"""The Data page: samples, uploads good and bad, tabs."""

from __future__ import annotations

import gzip

import polars as pl
import pytest

from workbench.data import tables


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
    assert not list((settings.home / "uploads").iterdir())


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
        ("ragged.csv", b"a,b\n1,2\n3,4,5\n6,7\n"),
        ("twice.csv", b"a,a\n1,2\n3,4\n"),
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


@pytest.mark.parametrize("tab", ["Columns", "Findings (9)"])
def test_the_other_tabs_draw(open_page, tab):
    page = open_page("data", table="titanic")
    page.session_state["data.tabs"] = tab
    page.run()
    assert not page.exception
    if tab == "Columns":
        assert len(page.get("plotly_chart")) == 12
    else:
        assert any("free text" in text.value for text in page.markdown)


def test_a_wide_table_shows_its_columns_in_pages(open_page, settings):
    header = ",".join(f"c{i}" for i in range(30))
    rows = "\n".join(",".join(str(i * j) for i in range(30)) for j in range(5))
    page = upload(open_page("data"), "wide.csv", f"{header}\n{rows}\n".encode())
    page.session_state["data.tabs"] = "Columns"
    page.run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 12
