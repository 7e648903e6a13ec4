"""Bodies of requests: how large, how many at once, and how nested, before anything is built from them."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from starlette.requests import Request

from workbench.errors import RequestError

LARGE_BODY = 256 * 1024  # bytes; of larger ones one is parsed and answered at a time
MAX_DEPTH = 16  # of lists and objects within each other; our own forms need 6
MAX_PARTS = 100_000  # lists and objects in one body: all other requests wait while the parser makes them
_BLOCK = 128 * 1024  # bytes looked at in one go
BODIES_AT_ONCE = 16  # of the largest size: what all requests together may hold in memory while they arrive


class Bodies:
    """Reads the bodies of a service's requests within bounds.

    Parameters
    ----------
    limit : int
        Bytes of one body.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = 0
        self._turn = Lock()

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Read a body and hold it while it is answered; large ones take turns.

        Raises
        ------
        RequestError
            With status 413 for a larger body, and 503 where too many large ones arrive at once.
        """
        declared = next((value for name, value in request.scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and (len(declared) > 18 or int(declared) > self.limit):
            raise self._too_large(int(declared[:18]))
        held = 0
        chunks: list[bytes] = []
        try:
            async for chunk in request.stream():
                held += len(chunk)
                self._held += len(chunk)
                if held > self.limit:
                    raise self._too_large(held)
                if self._held > self.limit * BODIES_AT_ONCE:
                    raise RequestError("Too many large requests arrive at once. Try again in a moment.", status=503)
                chunks.append(chunk)
            body = b"".join(chunks)
            chunks.clear()
            if held <= LARGE_BODY:
                yield body
            else:
                async with self._turn:
                    yield body
        finally:
            self._held -= held

    def _too_large(self, size: int) -> RequestError:
        return RequestError(
            f"Got a body of {size / 2**20:.1f} MiB or more, needed at most {self.limit / 2**20:.0f} MiB. "
            "Send the rows in several requests, or raise WORKBENCH_MAX_REQUEST_MIB.",
            status=413,
        )


def check_structure(body: bytes) -> None:
    """Refuse JSON that is nested too deeply or has too many lists and objects, before it is parsed.

    Raises
    ------
    RequestError
        With status 400 for the depth, and 413 for the number.
    """
    if len(body) <= _BLOCK and body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    # Brackets in text don't count. An odd number of quotes before a place means text; escaped quotes go first. Arrays
    # do this, since a regular expression over 4 MiB would hold up all other requests for half a second; block by
    # block, so that others get their turn in between.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    n_parts, depth, n_quotes = 0, 0, 0
    for start in range(0, len(plain), _BLOCK):
        signs = np.frombuffer(plain, dtype=np.uint8, count=min(_BLOCK, len(plain) - start), offset=start)
        quotes = signs == ord('"')
        in_text = (np.cumsum(quotes, dtype=np.uint8) + n_quotes) & 1 == 1  # overflows, which keeps odd numbers odd
        n_quotes = (n_quotes + int(quotes.sum())) & 1
        signs = signs[~in_text]
        opens = (signs == ord("[")) | (signs == ord("{"))
        closes = (signs == ord("]")) | (signs == ord("}"))
        depths = np.cumsum(opens.view(np.int8) - closes.view(np.int8), dtype=np.int32)
        n_parts += int(opens.sum())
        deepest = depth + int(depths.max(initial=0))
        if n_parts > MAX_PARTS:
            raise RequestError(
                f"The body holds more than {MAX_PARTS:,} lists and objects. Send the rows in several requests, and the "
                "values of a tensor as one flat list.",
                status=413,
            )
        if deepest > MAX_DEPTH:
            raise RequestError(
                f"The body has lists or objects more than {MAX_DEPTH} deep within each other. Send rows as objects of "
                "plain values."
            )
        depth += int(depths[-1]) if len(depths) else 0
