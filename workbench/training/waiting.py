"""How a run waits for its turn: it looks again and again, and says what it waits for."""

from __future__ import annotations

import dataclasses
import os
import time
from contextlib import suppress
from pathlib import Path

from workbench.errors import StorageError
from workbench.locking import Lock
from workbench.training.queueing import Line, Place, read_priority, stop_is_asked
from workbench.training.state import ABOUT, read_state, this_host, write_state
from workbench.training.tickets import Ticket, write_ticket

_LOOK_SECONDS = 0.2
_SIGN_SECONDS = 10.0  # readers on other machines have only this to tell that it still waits


def wait_in_line(line: Line, ticket: Ticket, folder: Path) -> Place | None:
    """Stand in the line until there is a place; None where the run was asked to stop."""
    said, said_at, about = "", 0.0, _changed(folder / ABOUT)
    with line.ticket_of(ticket) as held:
        while True:
            if stop_is_asked(folder):
                return None
            if (now_about := _changed(folder / ABOUT)) != about:
                about = now_about
                ticket = dataclasses.replace(ticket, priority=read_priority(folder))
                write_ticket(held, ticket)
            place = line.take(ticket)
            if place is not None:
                return place
            words = line.words(ticket)
            if words != said or time.monotonic() - said_at > _SIGN_SECONDS:
                said, said_at = words, time.monotonic()
                _say(folder, words)
            _sign(held)
            time.sleep(_LOOK_SECONDS)


def _say(folder: Path, words: str) -> None:
    with suppress(StorageError):
        state = read_state(folder)
        if state.status == "queued":
            now = round(time.time(), 3)
            write_state(folder, dataclasses.replace(state, waiting_for=words, heartbeat=now, host=this_host()))


def _sign(held: Lock) -> None:
    with suppress(OSError):
        os.utime(held.path)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
