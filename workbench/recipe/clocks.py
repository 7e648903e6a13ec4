"""The graph between moments and what the clocks of a time zone show; see `workbench.data.zones` for the same in Polars.

A graph has no calendar, so that the zone's changes stand in it as two constants: when, and how far ahead of UTC.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from workbench.data.zones import first_shown, offsets_of
from workbench.graph import GraphBuilder

# Six parts of one date are read from one tensor.
_SHOWN: WeakKeyDictionary[GraphBuilder, dict[tuple[str, str], str]] = WeakKeyDictionary()


def emit_wall_clock(graph: GraphBuilder, tensor: str, zone: str) -> str:
    """Add what a zone's clocks show at moments, both as seconds of shape [N, 1] with NaN for missing."""
    known = _SHOWN.setdefault(graph, {})
    if (tensor, zone) not in known:
        changes, offsets = offsets_of(zone)
        known[tensor, zone] = str(graph.node("Add", tensor, _chosen(graph, tensor, changes, offsets)))
    return known[tensor, zone]


def emit_moment(graph: GraphBuilder, tensor: str, zone: str) -> str:
    """Add the moments at which a zone's clocks show something: the first of two, as in `moment_seconds`."""
    return str(graph.node("Sub", tensor, _chosen(graph, tensor, first_shown(zone), offsets_of(zone)[1])))


def _chosen(graph: GraphBuilder, tensor: str, bounds: np.ndarray, values: np.ndarray) -> str:
    if not len(bounds):
        return graph.constant(values.reshape(1, 1))
    reached = graph.node("GreaterOrEqual", tensor, graph.constant(bounds.reshape(1, -1)))
    axis = graph.constant(np.array([1], dtype=np.int64))
    place = graph.node("ReduceSum", graph.cast(str(reached), "int32"), axis, keepdims=1)
    return str(graph.node("Gather", graph.constant(values), place))
