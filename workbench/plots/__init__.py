"""Frames in, Plotly figures out. One template, one palette, every number of points said; knows no other room."""

from workbench.plots.asked import curves_over, pixel_effects, pixels, probability_bars, version_timeline
from workbench.plots.associations import association_bars, association_map
from workbench.plots.explained import beeswarm, dependence, importance
from workbench.plots.folds import folds_picture
from workbench.plots.groups import group_places, group_profile, group_sizes
from workbench.plots.hardware import gauge, hardware_rows, sparkline
from workbench.plots.layers import layer_curves
from workbench.plots.leaking import leak_bars
from workbench.plots.live import compare_curves, live_curves, live_picture
from workbench.plots.live_svg import live_svg
from workbench.plots.measured import calibration, confusion, metric_bars, precision_recall, predicted, residuals, roc
from workbench.plots.one_row import waterfall
from workbench.plots.search import leaderboard_bars, search_history, search_importance, search_parallel
from workbench.plots.tables import category_bars, correlation, histogram, missing_bars, split_picture
from workbench.plots.theme import SPLIT_COLORS, TEMPLATE, class_color, empty

__all__ = [
    "SPLIT_COLORS",
    "TEMPLATE",
    "association_bars",
    "association_map",
    "beeswarm",
    "calibration",
    "category_bars",
    "class_color",
    "compare_curves",
    "confusion",
    "correlation",
    "curves_over",
    "dependence",
    "empty",
    "folds_picture",
    "gauge",
    "group_places",
    "group_profile",
    "group_sizes",
    "hardware_rows",
    "histogram",
    "importance",
    "layer_curves",
    "leaderboard_bars",
    "leak_bars",
    "live_curves",
    "live_picture",
    "live_svg",
    "metric_bars",
    "missing_bars",
    "pixel_effects",
    "pixels",
    "precision_recall",
    "predicted",
    "probability_bars",
    "residuals",
    "roc",
    "search_history",
    "search_importance",
    "search_parallel",
    "sparkline",
    "split_picture",
    "version_timeline",
    "waterfall",
]
