"""What a live view asks for once a second, over HTTP: drawn once for all who look at a run, however many they are.

A page that Streamlit draws anew each second costs a fifth of a core for each browser. Here the numbers and the curves
of a run are put into bytes once a second, and each browser draws them itself; see `live_view`.
"""

from __future__ import annotations

import gzip
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import orjson
import polars as pl

from workbench.plots.live import live_picture
from workbench.training.state import LAYERS
from workbench.ui import messages, run_status

if TYPE_CHECKING:
    from workbench.training.run import Run
    from workbench.training.state import RunState

By = Literal["time", "step"]
TICK_SECONDS = 1.4
_EAGER_SECONDS, _EAGER_FOR = 0.1, 30.0  # until a run that was just started shows its first number
_BRISK_SECONDS, _BRISK_FOR = 0.4, 8.0  # for the first moments of each run
_LONG, _LARGEST_SHARE = 100_000, 0.05  # curves of more points are drawn less often, if they would take more of a core
_AFTER_TICK = 0.03  # who asks a little after a tick gets what the tick drew, not what the last one did


class Feed:
    """What there is to see of one run, as bytes; made anew once a tick, whoever asks.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = Lock()
        self._until = 0.0
        self._state: RunState | None = None
        self._frames = (pl.DataFrame(), pl.DataFrame())
        self._head = b""
        self._stamp = ""
        self._answers: dict[tuple[By, bool], bytes] = {}
        self._pictures: dict[By, tuple[str, bytes]] = {}

    def look(self, by: By, seen: str) -> tuple[bytes, float]:
        """Give an answer and after how many seconds there is a new one; 0 where there never will be.

        Parameters
        ----------
        by : {"time", "step"}
            Axis of the curves.
        seen : str
            Stamp of the curves that the asker has drawn; they are sent when there are newer ones.

        Returns
        -------
        bytes
            JSON, compressed: ``stamp``, ``at`` (when it was looked at, in Unix seconds), ``page`` (what the rest of the
            page should show, see `page_mark`), ``unit``, ``cards`` (label, value and help), ``progress`` (from 0 to 1),
            ``text``, ``warning`` (what is wrong and what to do, or None) and ``figure`` (Plotly's JSON, or None where
            it is as it was).
        float
        """
        with self._lock:
            began = time.thread_time()
            if time.monotonic() >= self._until:
                self._refresh()
            key = self._key(by, seen)
            if key not in self._answers:
                self._answers[key] = self._answer(*key)
                if sum(frame.height for frame in self._frames) > _LONG:
                    pause = (time.thread_time() - began) / _LARGEST_SHARE
                    self._until = max(self._until, time.monotonic() + pause)
            return self._answers[key], self._again()

    def ready(self, by: By, seen: str) -> tuple[bytes, float] | None:
        """Give the answer of `look` where it is at hand."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            body = self._answers.get(self._key(by, seen)) if time.monotonic() < self._until else None
            return None if body is None else (body, self._again())
        finally:
            self._lock.release()

    def _key(self, by: By, seen: str) -> tuple[By, bool]:
        return by, seen != f"{by} {self._stamp}"

    def _again(self) -> float:
        if self._state is None or self._state.has_ended:
            return 0.0
        return max(0.0, self._until - time.monotonic()) + _AFTER_TICK

    def _refresh(self) -> None:
        at = time.time()
        run_state = self._run.state
        history, hardware = self._run.history(), self._run.hardware()
        self._until = time.monotonic() + _tick(run_state, has_begun=history.height > 0)
        self._state, self._frames = run_state, (history, hardware)
        self._stamp = f"{history.height} {hardware.height} {run_state.started}"
        head = {
            "at": at,
            "page": page_mark(self._run, run_state),
            "unit": axis_unit(run_state),
            "cards": run_status.cards(self._run, run_state),
            "progress": run_state.progress,
            "text": run_status.phase(self._run, run_state),
            "warning": messages.split_message(run_state.warning) if run_state.warning else None,
        }
        self._head = orjson.dumps(head)[:-1]
        self._answers.clear()

    def _answer(self, by: By, has_picture: bool) -> bytes:
        stamp = f"{by} {self._stamp}"
        picture = self._picture(by, stamp) if has_picture else b"null"
        body = b'%b,"stamp":"%b","figure":%b}' % (self._head, stamp.encode(), picture)
        return gzip.compress(body, compresslevel=1)

    def _picture(self, by: By, stamp: str) -> bytes:
        known = self._pictures.get(by)
        if known is None or known[0] != stamp:
            run_state = self._state or self._run.state
            if run_state.status == "queued":
                return b"null"
            drawn = live_picture(
                *self._frames,
                by=by,
                started=run_state.started,
                unit=axis_unit(run_state),
                focus=False,
                interrupted=run_state.interrupted,
            )
            known = self._pictures[by] = stamp, orjson.dumps(drawn, option=orjson.OPT_SERIALIZE_NUMPY)
        return known[1]


def _tick(run_state: RunState, *, has_begun: bool) -> float:
    age = time.time() - (run_state.queued or run_state.created)
    if not has_begun and age < _EAGER_FOR:
        return _EAGER_SECONDS
    return _BRISK_SECONDS if age < _BRISK_FOR else TICK_SECONDS


def axis_unit(run_state: RunState) -> str:
    """Name what a run logs by; a network logs optimizer steps."""
    return run_state.unit if run_state.unit in ("tree", "round", "trial") else "step"


def page_mark(run: Run, run_state: RunState) -> str:
    """Give a text that changes when the part of the page that Streamlit draws has to change."""
    parts: list[Any] = [
        run_state.status,
        run.stop_requested,
        run_status.can_be_killed(run),
        bool(run_state.waiting_for),
        (run.folder / LAYERS).exists(),
        run_state.has_ended and bool(run.metrics_so_far()),
    ]
    return " ".join(map(str, parts))
