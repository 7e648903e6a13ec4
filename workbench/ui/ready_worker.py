"""A worker that is ready before the button that starts a run is clicked."""

from __future__ import annotations

import time

from workbench.settings import current
from workbench.training.handing import keep_warm

_PAUSE_SECONDS = 5.0  # a page is drawn anew at every click
_asked = -_PAUSE_SECONDS


def keep() -> None:
    """Keep one ready from now on, as long as the app runs; see `keep_warm`. Returns at once."""
    global _asked
    if time.monotonic() - _asked >= _PAUSE_SECONDS:
        _asked = time.monotonic()
        keep_warm(current())
