"""The time of a search: when it is over, and how much of it one trial may take."""

from __future__ import annotations

import time
from collections.abc import Callable

from workbench.training.hardware import usable_cores
from workbench.training.progress import Progress

_SHARE = 0.25  # of the minutes that one trial may take, so that a slow one leaves time for others
_ASK_SECONDS = 0.05  # between two looks at the stop flag: threads ask more often than the disk need be


class Clock:
    """Whether a search is over: stopped, or out of time once something has been found.

    Parameters
    ----------
    progress : Progress
    minutes : float, optional
        Of the search; no limit when absent.
    """

    def __init__(self, progress: Progress, minutes: float | None) -> None:
        self._progress, self._minutes = progress, minutes
        self._until = None if minutes is None else time.monotonic() + 60 * minutes
        self.found: Callable[[], bool] = lambda: False
        self._asked, self._stopped = 0.0, False

    @property
    def stopped(self) -> bool:
        """Whether someone asked for it."""
        now = time.monotonic()
        if not self._stopped and now - self._asked > _ASK_SECONDS:
            self._asked, self._stopped = now, self._progress.stop_requested()
        return self._stopped

    @property
    def is_up(self) -> bool:
        """Whether the minutes have passed."""
        return self._until is not None and time.monotonic() >= self._until

    @property
    def is_late(self) -> bool:
        """Whether the minutes have passed and there is something to show for them."""
        return self.is_up and self.found()

    def is_over(self) -> bool:
        """Tell whether nothing more is to be tried."""
        return self.stopped or self.is_late

    def is_slow(self, seconds: float) -> bool:
        """Tell whether a trial took more of a core's seconds than one may: a quarter of the search's.

        When all minutes have passed without a result, the next trial may take as long as it needs.
        """
        if self._minutes is None or self.is_up:
            return False
        return seconds > _SHARE * 60 * self._minutes * usable_cores()

    def slow_words(self) -> str:
        """Say why a slow trial was ended."""
        return f"Ended because it took more than a quarter of the search's {self._minutes or 0:g} minutes."
