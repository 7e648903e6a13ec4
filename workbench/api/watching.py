"""Watching a run: curves that grow in a notebook, a progress bar elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.api.progress import Progress, counted, duration, words

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.training.run import Run

POLL_SECONDS = 0.25
DRAW_SECONDS = 1.0
SLOWEST_SECONDS = 5.0
_LOUD = "color: #fff; background: #b3261e; border-radius: 3px; padding: 0 0.4em"
ENDED = {"stopped": "was stopped", "failed": "failed", "lost": "was lost"}
_PLOTLY = "application/vnd.plotly.v1+json"


def watch(run: Run, *, stops: bool = False) -> None:
    """Show a run until it ends. Interrupting stops watching; with `stops` it stops the run, whose end is shown, too."""
    if in_notebook():
        _watch_in_notebook(run, stops=stops)
        return
    with Progress() as progress:
        _until_end(run, lambda: progress(run), stops=stops)
    state = run.state
    if state.status != "finished":
        print(f"Run {run.id} {ENDED[state.status]}: {state.reason or 'nothing says why'}", file=sys.stderr)


def in_notebook() -> bool:
    """Tell whether this runs in a notebook's kernel, without importing IPython where nobody has."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def _until_end(run: Run, show: Callable[[], object], *, stops: bool) -> None:
    while not run.state.has_ended:
        try:
            show()
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            if not stops or run.stop_requested:
                raise
            run.stop()


def curves(run: Run) -> go.Figure:
    """Draw loss and metrics above CPU, memory and GPU, on one time axis."""
    from workbench import plots

    state = run.state
    return plots.live_curves(
        run.history(),
        run.hardware_since(0)[0],
        started=state.started,
        unit=state.unit,
        interrupted=state.interrupted,
    )


def status_html(run: Run) -> str:
    """Write in one line what a run is and does."""
    state = run.state
    parts = [f"<b>{escape(run.id)}</b>", escape(run.estimator), state.status]
    if state.status in ("failed", "lost"):
        parts[-1] = f'<b style="{_LOUD}">{ENDED[state.status]}</b>'
    if not state.has_ended:
        parts.append(escape((state.phase + counted(state)).strip()))
    if said := words(state):
        parts.append(escape(said))
    if state.seconds:
        parts.append(duration(state.seconds))
    if state.reason:
        parts.append(escape(state.reason))
    return " · ".join(parts)


def _watch_in_notebook(run: Run, *, stops: bool) -> None:
    from IPython.display import HTML, display

    line = display(HTML(status_html(run)), display_id=True)
    # JupyterLab's Plotly renderer draws a figure once and ignores every update of it. HTML is replaced everywhere, so
    # the curves are HTML while they grow; the figure comes at the end, as another kind of output, which is drawn anew.
    chart = display(_drawing(run), raw=True, display_id=True)
    began = due = time.monotonic()

    def show() -> None:
        nonlocal due
        now = time.monotonic()
        if now < due:
            return
        due = now + min(SLOWEST_SECONDS, max(DRAW_SECONDS, (now - began) / 60))  # of long runs less changes in a second
        line.update(HTML(status_html(run)))
        chart.update(_drawing(run), raw=True)

    try:
        _until_end(run, show, stops=stops)
    except KeyboardInterrupt:
        line.update(HTML(f"{status_html(run)} · no longer watched; run.watch() shows it again"))
        raise
    line.update(HTML(status_html(run)))
    chart.update(_figure(run), raw=True)


def _drawing(run: Run) -> dict[str, Any]:
    """Draw the curves so far, as HTML without a script."""
    from workbench import plots

    state = run.state
    drawn = plots.live_svg(run.history(), run.hardware_since(0)[0], started=state.started, unit=state.unit)
    waiting = "" if state.has_ended else f"<i>{escape(words(state) or 'Waiting for the first numbers.')}</i>"
    return {"text/html": drawn or waiting, "text/plain": f"Curves of {run.id}"}


def _figure(run: Run) -> dict[str, Any]:
    """Give the figure of an ended run for those who draw Plotly's, and the drawing for those who don't (nbconvert)."""
    drawing = _drawing(run)
    if run.status != "finished" and run.history().is_empty():  # nothing was learned: the line above says why
        return drawing | {"text/html": ""}
    return {_PLOTLY: json.loads(curves(run).to_json()), **drawing}
