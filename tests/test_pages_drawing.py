"""Drawing an image to ask about: lines of the pen become pixels as the training images have them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from workbench import registry
from workbench.ui.image_view import grid_of
from workbench.ui.pen_strokes import MAX_STROKES, Stroke, Usual, fitted, painted, read_strokes, usual_of

DIGITS = Path(__file__).resolve().parent.parent / "models" / "digits"
LINES = {  # as shares of the sheet
    "1": [[(0.5, 0.15), (0.5, 0.85)]],
    "2": [[(0.32, 0.3), (0.45, 0.18), (0.62, 0.25), (0.6, 0.42), (0.32, 0.8), (0.7, 0.8)]],
    "3": [[(0.3, 0.2), (0.6, 0.2), (0.65, 0.35), (0.45, 0.48), (0.68, 0.6), (0.62, 0.8), (0.3, 0.82)]],
    "4": [[(0.55, 0.15), (0.3, 0.55), (0.75, 0.55)], [(0.6, 0.35), (0.6, 0.85)]],
    "7": [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.85)]],
}


def written(digit: str, *, size: float = 1.0, place: float = 0.0) -> list[Stroke]:
    return [Stroke((np.array(line) * size + place) * 8, 1.2) for line in LINES[digit]]


@pytest.fixture
def digits(settings):
    shutil.copytree(DIGITS, settings.models / "digits")
    return registry.load_model("digits")


@pytest.mark.parametrize(("size", "place"), [(1.0, 0.0), (0.6, 0.0), (0.6, 0.35)])
def test_the_model_reads_what_was_drawn_wherever_it_stands_on_the_sheet(digits, size, place):
    background = registry.resolve("digits").background()
    usual = usual_of(np.array([grid_of(row, (8, 8)) / 16 for row in background.iter_rows(named=True)]))
    assert usual is not None and usual.is_light and usual.extent == 8.0
    for digit in LINES:
        ink = painted(fitted(written(digit, size=size, place=place), (8, 8), usual), np.zeros((8, 8)))
        row = {name: float(round(16 * grid)) for name, grid in zip(_names(), ink.ravel(), strict=True)}
        assert str(digits.predict_frame([row])["prediction"][0]) == digit


def _names() -> list[str]:
    return [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]


def test_lines_on_the_page_become_the_row_that_is_asked_about(open_page, digits):
    page = open_page("predict", model="digits")
    page.selectbox(key="predict.digits/1.start").select_index(0).run()
    document = [{"points": stroke.points.tolist(), "width": stroke.width, "erases": False} for stroke in written("7")]
    page.session_state["predict.digits/1.pen.1.kept"] = document
    page.run()
    assert not page.exception
    row = page.session_state["predict.row"]
    assert max(row.values()) == 16.0 and all(value == int(value) for value in row.values())
    assert any("# 7" in text.value for text in page.markdown)
    page.toggle(key="predict.digits/1.fit").set_value(False).run()
    assert page.session_state["predict.row"] != row

    # On an example only what a line touches changes, and the rubber takes ink away.
    page.selectbox(key="predict.digits/1.start").set_value(3).run()
    before = dict(page.session_state["predict.row"])
    page.session_state["predict.digits/1.pen.2.kept"] = [{"points": [[0.5, 0.5]], "width": 1, "erases": False}]
    page.run()
    after = page.session_state["predict.row"]
    assert after["pixel_0_0"] > before["pixel_0_0"]
    assert all(after[name] == before[name] for name in before if name != "pixel_0_0")


def test_a_rubber_takes_away_what_was_there():
    base = np.ones((4, 4))
    erased = painted([Stroke(np.array([[0.0, 0.5], [4.0, 0.5]]), 1.0, erases=True)], base)
    assert erased[0].max() < 0.1 and erased[1:].min() == 1.0 and base.min() == 1.0


def test_dark_ink_on_light_paper_is_recognised_and_a_photo_is_no_drawing():
    sheet = np.ones((5, 12, 12))
    sheet[:, 4:9, 5:7] = 0.1
    usual = usual_of(sheet)
    assert usual is not None and not usual.is_light
    assert (usual.extent, *usual.centre) == pytest.approx((5.0, 6.0, 6.5))
    assert usual_of(np.random.default_rng(0).random((5, 12, 12))) is None
    assert usual_of(np.zeros((0, 12, 12))) is None and usual_of(np.zeros((3, 12, 12))) is None


def test_a_dot_and_an_empty_sheet_stay_as_they_are():
    usual = Usual(20.0, (14.0, 14.0), is_light=True)
    (dot,) = fitted([Stroke(np.array([[2.0, 3.0]]), 2.4)], (28, 28), usual)
    assert dot.points[0] == pytest.approx([14.0, 14.0], abs=0.1) and dot.width == 2.4
    assert fitted([], (28, 28), usual) == []


@pytest.mark.parametrize(
    "document",
    [None, "lines", [1], [{}], [{"points": [], "width": 1}], [{"points": [[1, 2, 3]], "width": 1}],
     [{"points": [[1, float("nan")]], "width": 1}], [{"points": [[1, 2]], "width": 0}],
     [{"points": "ab", "width": "x"}]],
)  # fmt: skip
def test_what_is_no_line_is_passed_over(document):
    assert read_strokes(document) == []


def test_a_browser_cannot_send_lines_without_end():
    assert len(read_strokes([{"points": [[1, 2]], "width": 1}] * (MAX_STROKES + 5))) == MAX_STROKES
