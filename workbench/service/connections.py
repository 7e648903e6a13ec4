"""Connections of a server: how many at once, how long a client may take, and no waiting for acknowledgements.

uvicorn bounds none of these. The service alone and the app, which `streamlit run` starts, both serve through here.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workbench.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger("uvicorn.error")

BACKLOG = 128  # connections that the system may keep waiting; each round of the loop may accept as many
MAX_HEAD = 64 * 1024  # bytes of a request's line and headers; the parser knows no bound
SLOWEST = 1024  # bytes of a body a second; a client that sends less has as much time as one that sends nothing
_LEAST = 8
_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_SECONDS_BETWEEN_WARNINGS = 60.0


@dataclass(frozen=True)
class Limits:
    """What the connections of a server may take.

    Parameters
    ----------
    n_connections : int
        Open at once; a further one is answered with 503 and closed.
    seconds : float
        For the headers of a request, and for a pause within its body.
    """

    n_connections: int
    seconds: float


def limits_of(settings: Settings) -> Limits:
    """Take the limits from the settings, as far as the open files of this process allow."""
    return Limits(_within_open_files(settings.max_connections), settings.request_seconds or float("inf"))


def _within_open_files(wanted: int) -> int:
    """Raise the limit of open files where that is allowed, and give the connections that it leaves room for.

    At that limit nothing works any more: asyncio tries to accept thousands of times a second and logs each failure.
    """
    try:
        import resource
    except ImportError:  # Windows: a socket is no file
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    needed = wanted + BACKLOG + 256
    if soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
        except (OSError, ValueError):  # macOS has a limit of its own below an infinite one
            pass
    return max(_LEAST, min(wanted, soft - BACKLOG - min(256, soft // 4)))


class BoundedProtocol(HttpToolsProtocol):
    """HTTP on one connection, within limits."""

    def __init__(self, *arguments: Any, limits: Limits, warn: Warnings, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._warn = warn
        self._step = min(max(limits.seconds / 8, 0.02), 5.0)
        self._timer: asyncio.TimerHandle | None = None
        self._part = "head"  # of a request: head, body, or none while the client is idle or waits for an answer
        self._since = 0.0  # when the part began
        self._heard = 0.0  # when the client sent something last
        self._looked = 0.0
        self._n_bytes = 0  # of the part

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or turn it away where there are too many."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            # asyncio sets it only where the listening socket says IPPROTO_TCP, which Streamlit's doesn't: each answer
            # on a kept connection would wait 40 ms for the acknowledgement of its headers.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self._limits.n_connections:
            self._warn(f"{self._limits.n_connections:,} connections are open; further ones are turned away.")
            self._refuse(503, "Too many connections are open. Try again in a moment.")
            return
        self._begin("head")
        self._looked = self._since
        self._timer = self.loop.call_later(self._step, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to the protocol of WebSockets, which has time-outs of its own."""
        self._forget()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Read what came, within the bounds of a head."""
        self._heard = self.loop.time()
        if not self._part:
            self._begin("head")
        self._n_bytes += len(data)
        in_head = self._part == "head"
        super().data_received(data)
        if in_head and self._part == "head" and self._n_bytes > MAX_HEAD and not self.transport.is_closing():
            self._refuse(431, "The headers of the request are too large.")

    def on_headers_complete(self) -> None:
        """Start the request; its body may follow."""
        super().on_headers_complete()
        self._begin("body")

    def on_message_complete(self) -> None:
        """Note that the client has sent all of its request."""
        super().on_message_complete()
        self._part = ""

    def on_message_begin(self) -> None:
        """Note that a request begins, maybe right behind another."""
        super().on_message_begin()
        if self._part != "head":
            self._begin("head")

    def _begin(self, part: str) -> None:
        self._part = part
        self._since = self._heard = self.loop.time()
        self._n_bytes = 0

    def _look(self) -> None:
        now = self.loop.time()
        # Time in which we didn't read isn't the client's: the loop was busy, or nobody has asked for the body yet.
        lost = now - self._looked if self.flow.read_paused else max(0.0, now - self._looked - 2 * self._step)
        self._since += lost
        self._heard += lost
        self._looked = now
        if self._part and self._is_late(now):
            self._refuse(408, f"The request didn't arrive within {self._limits.seconds:g} seconds.")
            return
        self._timer = self.loop.call_later(self._step, self._look)

    def _is_late(self, now: float) -> bool:
        seconds = self._limits.seconds
        if self._part == "head":
            return now - self._since > seconds
        return now - self._heard > seconds or now - self._since > seconds + self._n_bytes / SLOWEST

    def _refuse(self, status: int, words: str) -> None:
        """Say why where no answer has begun, and close."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # whoever reads the body learns it now, and answers no more
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            body = f'{{"error":"{words}"}}'.encode()
            head = f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: application/json\r\n"
            again = "retry-after: 1\r\n" if status == 503 else ""
            rest = f"{again}content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write((head + rest).encode() + body)
        self._forget()
        self.transport.close()

    def _forget(self) -> None:
        self._part = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_PHRASES = {408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}


class Warnings:
    """Log a kind of trouble once a minute, however often it happens."""

    def __init__(self, seconds: float = _SECONDS_BETWEEN_WARNINGS) -> None:
        self.seconds = seconds
        self._last: float | None = None

    def __call__(self, words: str) -> None:
        """Log the words, unless others were logged within the last minute."""
        from time import monotonic

        now = monotonic()
        if self._last is None or now - self._last >= self.seconds:
            self._last = now
            log.warning("%s This is said at most once a minute.", words)


def bounded(settings: Settings) -> Callable[..., BoundedProtocol]:
    """Give the protocol for ``uvicorn.Config(http=...)``."""
    return partial(BoundedProtocol, limits=limits_of(settings), warn=Warnings())


def calm_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Log once a minute that no file can be opened: asyncio writes a traceback for each try, a megabyte a second."""
    before = loop.get_exception_handler()
    warn = Warnings()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
            warn(f"A connection can't be accepted: {error.strerror}. Raise the limit of open files (ulimit -n).")
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


class BoundedServer(Server):
    """uvicorn's server on a loop that doesn't flood the log."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        calm_the_loop(asyncio.get_running_loop())
        await super().startup(sockets)


class BoundConnections:
    """Middleware that gives the limits to a server which others start, as `streamlit run` does.

    Parameters
    ----------
    app : ASGI application
    settings : Settings
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; at the server's start, before it listens, change its configuration."""
        if scope["type"] == "lifespan":
            # uvicorn hands out a bound method of an object that knows the configuration; other servers keep their own.
            config = getattr(getattr(receive, "__self__", None), "config", None)
            if isinstance(config, Config):
                config.http_protocol_class = bounded(self.settings)  # type: ignore[assignment]
                config.backlog = BACKLOG
                calm_the_loop(asyncio.get_running_loop())
        await self.app(scope, receive, send)
