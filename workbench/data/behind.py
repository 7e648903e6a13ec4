"""Work that is done in order by a thread of its own, a little behind the one that gives it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVarTuple

Given = TypeVarTuple("Given")


class Behind:
    """A context whose thread does one thing after another, at most a few behind.

    What comes behind something that failed isn't done, nor what wasn't begun when the context is left by an error.

    Parameters
    ----------
    name : str
        Of the thread.
    n_behind : int
        With so many things waiting, the one who gives the next waits until the oldest is done.

    Examples
    --------
    >>> done = []
    >>> with Behind("example", n_behind=2) as behind:
    ...     for number in range(4):
    ...         behind.do(done.append, number)
    >>> done
    [0, 1, 2, 3]
    """

    def __init__(self, name: str, *, n_behind: int) -> None:
        self._pool = ThreadPoolExecutor(1, name)
        self._n_behind = n_behind
        self._waiting: deque[Future[None]] = deque()
        self._has_failed = False

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def do(self, function: Callable[[*Given], object], *arguments: *Given) -> None:
        """Do something when all before it is done.

        Raises
        ------
        Exception
            What something before it raised.
        """
        self._waiting.append(self._pool.submit(self._try, partial(function, *arguments)))
        while len(self._waiting) > self._n_behind:
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait until all is done.

        Raises
        ------
        Exception
            What some of it raised.
        """
        while self._waiting:
            self._waiting.popleft().result()

    def _try(self, call: Callable[[], object]) -> None:
        if self._has_failed:
            return
        try:
            call()
        except BaseException:
            self._has_failed = True
            raise
