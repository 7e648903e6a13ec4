"""How long a training still takes, told from how fast it was lately."""

from __future__ import annotations

import time
from collections import deque

_SHARE = 0.25  # of the time so far that counts as lately
_FEWEST_SECONDS = 5.0
_LATENESS = 2.0  # a step that takes so many times its usual length makes the estimate grow with it


class Pace:
    """Measure the speed of something that is counted.

    What counts is the last quarter of the time so far (at least five seconds of it): the first step of a network holds
    its compilation, trees get slower as they grow, and other runs come and go.

    Parameters
    ----------
    done : float
        How much is done at the start, in the unit that is counted.
    at : float, optional
        When that was, by `time.monotonic`; now when absent.

    Examples
    --------
    >>> pace = Pace(at=0.0)
    >>> for step in range(1, 11):
    ...     pace.count(step, at=10.0 + step)  # the first took 11 s, the others 1 s each
    >>> round(pace.left(100, at=20.0))
    90
    """

    def __init__(self, done: float = 0.0, *, at: float | None = None) -> None:
        first = (time.monotonic() if at is None else at, float(done))
        self._began = first[0]
        self._points: deque[tuple[float, float]] = deque([first])

    @property
    def done(self) -> float:
        """How much was done at the last count."""
        return self._points[-1][1]

    def count(self, done: float, *, at: float | None = None) -> None:
        """Say how much is done now; a smaller number begins anew."""
        now = time.monotonic() if at is None else at
        if done < self.done:
            self._points = deque([(now, done)])
            self._began = now
            return
        if done == self.done:
            return
        self._points.append((now, done))
        window = max(_FEWEST_SECONDS, _SHARE * (now - self._began))
        # The newest point that is older than the window stays: it is where the window's speed is measured from.
        while len(self._points) > 2 and now - self._points[1][0] >= window:
            self._points.popleft()
        # A loop may count thousands of times a second: what lies closer than a hundredth of the window adds nothing.
        if len(self._points) > 2 and now - self._points[-2][0] < window / 100 and len(self._points) > 100:
            del self._points[-2]
        # The first step is slower than all others (compilation, memory that is touched first); it counts only alone.
        if len(self._points) > 2 and self._points[0][0] == self._began:
            self._points.popleft()

    def seconds_each(self) -> float | None:
        """Give the seconds of one step; None before the first is done."""
        (t0, done0), (t1, done1) = self._points[0], self._points[-1]
        return (t1 - t0) / (done1 - done0) if done1 > done0 else None

    def left(self, total: float, *, at: float | None = None) -> float | None:
        """Give the seconds until `total` is done; None before there is a speed.

        The time since the last count is taken off, until the step is late: then the estimate grows with its lateness.
        """
        each = self.seconds_each()
        if each is None:
            return None
        since = (time.monotonic() if at is None else at) - self._points[-1][0]
        behind = max(0.0, since - _LATENESS * each)
        return max(0.0, each * (total - self.done) - min(since, each)) + behind
