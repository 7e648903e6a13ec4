"""Estimators without a target, and those that combine finished runs."""

from __future__ import annotations

from workbench.estimators.entry import EstimatorEntry

ENTRIES: tuple[EstimatorEntry, ...] = ()
