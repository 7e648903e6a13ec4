"""The estimators for images."""

from __future__ import annotations

from workbench.estimators.entry import EstimatorEntry

ENTRIES: tuple[EstimatorEntry, ...] = ()
