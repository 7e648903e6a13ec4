"""What changes after a model is live: how far new rows have moved from those it was trained on."""

from __future__ import annotations

from workbench.monitoring.drifting import Drift, drift

__all__ = ["Drift", "drift"]
