"""A sheet to draw an image on with a pen: mouse, finger or keyboard, with an eraser, back and empty."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from workbench.ui.pen_strokes import Stroke, Usual, painted, read_strokes

_HERE = Path(__file__)
_mount = st.components.v2.component(
    "workbench_pen",
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
)
_PEN_SHARE = 0.085  # of the longer side, as thick as MNIST's digits are written
_PEN_LEAST = 1.2  # pixels: on an image of 8 by 8 nothing thinner is seen


def sheet(shape: tuple[int, int], *, key: str, usual: Usual | None, base: np.ndarray | None = None) -> list[Stroke]:
    """Draw the sheet; give the lines that are on it.

    Parameters
    ----------
    shape : tuple of int
        Height and width in pixels of the model's images.
    key : str
        Of the widget. The lines stay with it while the page is left.
    usual : Usual, optional
        How the training images lie: says whether the ink is light.
    base : ndarray of shape `shape`, from 0 to 1, optional
        The image that is drawn on, as ink; an empty sheet when absent.
    """
    kept = f"{key}.kept"

    def keep() -> None:
        st.session_state[kept] = st.session_state[key].get("strokes") or []

    document: list[Any] = st.session_state.setdefault(kept, [])
    height, width = shape
    data = {
        "height": height,
        "width": width,
        "light": usual is None or usual.is_light,
        "pen": round(max(_PEN_SHARE * max(shape), _PEN_LEAST), 1),
        "strokes": document,
        "base": None
        if base is None
        else b64encode((base.clip(0, 1) * 255).round().astype(np.uint8).tobytes()).decode(),
        "label": f"An image to draw, {width} by {height} pixels",
    }
    _mount(key=key, data=data, on_strokes_change=keep)
    return read_strokes(st.session_state[kept])


def as_image(strokes: list[Stroke], shape: tuple[int, int], usual: Usual | None) -> np.ndarray:
    """Give lines on an empty sheet as brightness from 0 to 1, with the light of the training images."""
    ink = painted(strokes, np.zeros(shape))
    return ink if usual is None or usual.is_light else 1.0 - ink


def _packed(ink: np.ndarray) -> str:
    return b64encode((ink.clip(0, 1) * 255).round().astype(np.uint8).tobytes()).decode()
