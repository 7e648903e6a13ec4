"""Watching a run: curves that grow in a notebook, a progress bar elsewhere."""

from __future__ import annotations

import json
import sys
import time
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.api.progress import Progress, counted, duration, words

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.training.run import Run

POLL_SECONDS = 0.25
DRAW_SECONDS = 1.0
_LOUD = "color: #fff; background: #b3261e; border-radius: 3px; padding: 0 0.4em"
ENDED = {"stopped": "was stopped", "failed": "failed", "lost": "was lost"}
_PLOTLY = "application/vnd.plotly.v1+json"


def watch(run: Run) -> None:
    """Show a run until it ends. Interrupting stops watching, not the run."""
    if in_notebook():
        _watch_in_notebook(run)
        return
    with Progress() as progress:
        while not run.state.has_ended:
            progress(run)
            time.sleep(POLL_SECONDS)
    state = run.state
    if state.status != "finished":
        print(f"Run {run.id} {ENDED[state.status]}: {state.reason or 'nothing says why'}", file=sys.stderr)


def in_notebook() -> bool:
    """Tell whether this runs in a Jupyter kernel, without importing IPython where nobody has."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


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


def _watch_in_notebook(run: Run) -> None:
    from IPython.display import HTML, display

    line = display(HTML(status_html(run)), display_id=True)
    chart = display(_bundle(run), raw=True, display_id=True)
    drawn = 0
    due = time.monotonic() + DRAW_SECONDS
    while True:
        ended = run.state.has_ended
        if ended or time.monotonic() >= due:
            due = time.monotonic() + DRAW_SECONDS
            line.update(HTML(status_html(run)))
            _, position = run.history_since(drawn)
            if ended or position != drawn:  # an unchanged curve isn't sent again
                drawn = position
                chart.update(_bundle(run), raw=True)
        if ended:
            return
        time.sleep(POLL_SECONDS)


def _bundle(run: Run) -> dict[str, Any]:
    # A figure's own display can't be updated in place; a MIME bundle can.
    return {_PLOTLY: json.loads(curves(run).to_json()), "text/plain": f"Curves of {run.id}"}
