"""What a pen drew, as numbers: lines become pixels as the training images have them, in place, size and light.

A line is anti-aliased by drawing it finer and taking means. MNIST's digits fill a box of 20 of 28 pixels, the centre
of their ink in the middle; what people draw doesn't, and a model that saw nothing else is then wrong. How a model's
own images lie is measured on the rows that it carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

MAX_STROKES = 1_000
MAX_POINTS = 20_000
_FINER = 6  # a pixel is this many a side while lines are drawn
_INK = 0.25  # share of full ink from which a pixel counts as inked
_UNIFORM = 0.6  # share of the edge that looks like paper, in images that are drawings


@dataclass(frozen=True)
class Stroke:
    """One line of the pen.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        Across and down, in pixels of the image; (0, 0) is its upper left corner.
    width : float
        In pixels.
    erases : bool
    """

    points: np.ndarray
    width: float
    erases: bool = False


@dataclass(frozen=True)
class Usual:
    """How drawings lie in the images that a model has learned.

    Parameters
    ----------
    extent : float
        Longer side of what is inked, in pixels.
    centre : tuple of float
        Mean place of the ink, across and down.
    is_light : bool
        Whether the ink is lighter than the paper.
    """

    extent: float
    centre: tuple[float, float]
    is_light: bool


def read_strokes(document: Any) -> list[Stroke]:
    """Read what the browser sends; what isn't a line is passed over.

    Examples
    --------
    >>> [stroke.width for stroke in read_strokes([{"points": [[1, 2]], "width": 2, "erases": False}, "no", {}])]
    [2.0]
    """
    found: list[Stroke] = []
    for entry in document if isinstance(document, Sequence) and not isinstance(document, str) else ():
        if len(found) == MAX_STROKES:
            break
        try:
            points = np.asarray(entry["points"], dtype=float)[:MAX_POINTS]
            width = float(entry["width"])
        except (KeyError, TypeError, ValueError):
            continue
        if points.ndim == 2 and points.shape[1:] == (2,) and len(points) and np.isfinite(points).all() and width > 0:
            found.append(Stroke(points, width, bool(entry.get("erases"))))
    return found


def usual_of(images: np.ndarray) -> Usual | None:
    """Measure how drawings lie in images of shape (n_images, height, width), from 0 to 1; None where they aren't any.

    Drawings have one paper: most of their edge has one brightness.
    """
    if len(images) == 0 or min(images.shape[1:]) < 4:
        return None
    edge = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    paper = float(np.median(edge))
    if float(np.mean(np.abs(edge - paper) < 0.15)) < _UNIFORM:
        return None
    ink = np.abs(images - paper)
    inked = ink > _INK
    some = inked.any(axis=(1, 2))
    if not some.any():
        return None
    boxes = np.array([_box(mask) for mask in inked[some]])
    extent = float(np.median(np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])))
    centres = np.array([_centre(one) for one in ink[some]])
    return Usual(
        extent, (float(centres[:, 0].mean()), float(centres[:, 1].mean())), float(images[inked].mean()) > paper
    )


def painted(strokes: Sequence[Stroke], base: np.ndarray) -> np.ndarray:
    """Paint lines over an image of shape (height, width), from 0 (paper) to 1 (ink); `base` stays as it is.

    Examples
    --------
    >>> painted([Stroke(np.array([[0.5, 1.5], [2.5, 1.5]]), 1.0)], np.zeros((3, 3))).round(1).tolist()
    [[0.0, 0.0, 0.0], [0.9, 1.0, 0.9], [0.0, 0.0, 0.0]]
    """
    height, width = base.shape
    fine = np.kron(base, np.ones((_FINER, _FINER)))
    for stroke in strokes:
        _draw(fine, stroke)
    means: np.ndarray = fine.reshape(height, _FINER, width, _FINER).mean(axis=(1, 3))
    return means


def fitted(strokes: Sequence[Stroke], shape: tuple[int, int], usual: Usual) -> list[Stroke]:
    """Move and scale a drawing to where the training images have theirs; the pen stays as wide as it is."""
    drawn = painted(strokes, np.zeros(shape))
    if not (drawn > _INK).any():
        return list(strokes)
    pen = max((stroke.width for stroke in strokes if not stroke.erases), default=1.0)
    left, right, top, bottom = _box(drawn > _INK)
    length = max(right - left, bottom - top) - pen
    scale = float(np.clip((usual.extent - pen) / length, 0.2, 8.0)) if length > 1.0 and usual.extent > pen else 1.0
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    scaled = [
        replace(stroke, points=(stroke.points - middle) * scale + np.array(shape[::-1]) / 2, width=width)
        for stroke in strokes
        for width in [stroke.width * scale if stroke.erases else stroke.width]
    ]
    drawn = painted(scaled, np.zeros(shape))
    if not (drawn > _INK).any():
        return list(strokes)
    move = np.array(usual.centre) - np.array(_centre(drawn))
    left, right, top, bottom = _box(drawn > _INK)
    # Nothing leaves the image: where it is as large as the image, its box decides and not its ink.
    move = np.clip(move, [-left, -top], [max(shape[1] - right, -left), max(shape[0] - bottom, -top)])
    return [replace(stroke, points=stroke.points + move) for stroke in scaled]


def _draw(fine: np.ndarray, stroke: Stroke) -> None:
    """Fill all that is nearer to the line than half its width."""
    radius = max(stroke.width * _FINER / 2, 0.5)
    points = stroke.points * _FINER - 0.5
    starts, ends = (points, points) if len(points) == 1 else (points[:-1], points[1:])
    height, width = fine.shape
    for start, end in zip(starts, ends, strict=True):
        low = np.floor(np.minimum(start, end) - radius).astype(int).clip(0, [width, height])
        high = np.ceil(np.maximum(start, end) + radius + 1).astype(int).clip(0, [width, height])
        if (low >= high).any():
            continue
        across, down = np.arange(low[0], high[0])[None, :], np.arange(low[1], high[1])[:, None]
        way = end - start
        along = (across - start[0]) * way[0] + (down - start[1]) * way[1]
        share = np.clip(along / max(float(way @ way), 1e-12), 0.0, 1.0)
        off = (across - start[0] - share * way[0]) ** 2 + (down - start[1] - share * way[1]) ** 2
        fine[low[1] : high[1], low[0] : high[0]][off <= radius**2] = 0.0 if stroke.erases else 1.0


def _box(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Give left, right, top and bottom of what is inked, in pixels."""
    across, down = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return float(across[0]), float(across[-1] + 1), float(down[0]), float(down[-1] + 1)


def _centre(ink: np.ndarray) -> tuple[float, float]:
    total = max(float(ink.sum()), 1e-12)
    down, across = np.indices(ink.shape) + 0.5
    return float((ink * across).sum() / total), float((ink * down).sum() / total)
