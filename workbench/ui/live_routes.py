"""The addresses that live views ask; what answers them is loaded with the first question, not with the server."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workbench.errors import RunNotFoundError, WorkbenchError

if TYPE_CHECKING:
    from workbench.ui.live_feed import Feed

By = Literal["time", "step"]
_KEPT = 32
_feeds: dict[str, Feed] = {}  # of the runs that are watched now
_YEAR = "public, max-age=31536000, immutable"


def create_feed() -> Starlette:
    """Give the application to mount at ``/live``: ``/runs/{run}`` and Plotly's library, as Python's Plotly ships it."""
    return Starlette(routes=[Route("/runs/{run}", _look), Route("/plotly-{version}.js", _library)])


async def _look(request: Request) -> Response:
    run_id, seen = request.path_params["run"], request.query_params.get("seen", "")
    by: By = "step" if request.query_params.get("by") == "step" else "time"
    try:
        feed = _feeds.get(run_id)
        answer = feed.ready(by, seen) if feed is not None else None
        if answer is None:  # something has to be read and drawn, away from the loop that serves the pages
            answer = await run_in_threadpool(_drawn, run_id, by, seen)
    except WorkbenchError as problem:
        _feeds.pop(run_id, None)
        is_gone = isinstance(problem, RunNotFoundError)  # it was deleted, or never was; all else may pass
        body = orjson.dumps({"detail": str(problem)})
        return Response(body, 404 if is_gone else 503, media_type="application/json")
    body, again = answer
    headers = {"Content-Encoding": "gzip", "Cache-Control": "no-store", "Again-In": f"{again:.3f}"}
    return Response(body, media_type="application/json", headers=headers)


def _drawn(run_id: str, by: By, seen: str) -> tuple[bytes, float]:
    from workbench.training.listing import open_run
    from workbench.ui.live_feed import Feed

    if run_id not in _feeds and len(_feeds) >= _KEPT:
        _feeds.clear()
    return _feeds.setdefault(run_id, Feed(open_run(run_id))).look(by, seen)


@cache
def _plotly() -> bytes:
    import plotly

    path = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return gzip.compress(path.read_bytes(), compresslevel=6)


async def _library(request: Request) -> Response:
    body = await run_in_threadpool(_plotly)
    return Response(body, media_type="text/javascript", headers={"Content-Encoding": "gzip", "Cache-Control": _YEAR})
