"""The line in which runs wait for a place to train on: a folder of tickets and locks, and no server.

A waiting process imports nothing that isn't needed here, so that it stays as small as a bare interpreter. Whoever waits
holds a lock on its ticket, whoever trains one on its place: the system frees both however a process ends.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from workbench import storage
from workbench.errors import StorageError
from workbench.locking import Lock, is_locked
from workbench.settings import Settings
from workbench.training.state import ABOUT, STOP, read_state, this_host
from workbench.training.tickets import ALL_GPUS, CPU, GPU, Need, Ticket, read_ticket, write_ticket

_TICKET, _SLOT = ".ticket", ".place"
_STALLED_SECONDS = 15.0  # a waiting process that is suspended lets the others pass
_NOT_NAMES = re.compile(r"[^A-Za-z0-9._-]")


@dataclass
class Place:
    """What a run holds while it trains.

    Parameters
    ----------
    device : str
        In words: ``cpu``, ``gpu0`` or ``gpu0,gpu1``.
    gpus : tuple of str
    """

    device: str
    gpus: tuple[str, ...] = ()
    _locks: tuple[Lock, ...] = field(default=(), repr=False)

    def release(self) -> None:
        """Give it back; the end of the process does the same."""
        for lock in self._locks:
            lock.release()

    def environment(self) -> dict[str, str]:
        """Give the variables that show exactly these GPUs to what is imported afterwards."""
        # CUDA counts the fastest first by default, NVML by the bus.
        return {"CUDA_VISIBLE_DEVICES": ",".join(self.gpus) or "-1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


class Line:
    """The places of one kind on this machine, and who waits for them.

    Parameters
    ----------
    settings : Settings
    need : Need
        Of the run that asks.
    """

    def __init__(self, settings: Settings, need: Need) -> None:
        self.need = need
        self._devices = tuple(_device(gpu) for gpu in need.gpus) if need.device != CPU else (CPU,)
        self._each = max(1, settings.runs_at_once if need.device == CPU else settings.runs_per_gpu)
        host = _NOT_NAMES.sub("-", this_host()) or "host"
        # On a shared disk each machine has places of its own.
        self.folder = settings.home / "queue" / host / (CPU if need.device == CPU else GPU)

    def take(self, ticket: Ticket) -> Place | None:
        """Take a place if there is one that nobody before us in the line may have; None where we have to wait."""
        with self._turn():
            free = self._free()
            try:
                for waiting in self._waiting(ticket):
                    chosen = self._choose(waiting.need, free)
                    if not chosen:
                        break  # who comes later doesn't pass: a run that needs all GPUs would wait for ever
                    if waiting.run_id == ticket.run_id:
                        taken = tuple(free[device].pop(0) for device in chosen)
                        return self._place(ticket, chosen, taken)
                    for device in chosen:
                        free[device].pop(0).release()
            finally:
                for locks in free.values():
                    for lock in locks:
                        lock.release()
        return None

    def is_free(self) -> bool:
        """Tell whether a run that asked now would get a place at once."""
        if not self.folder.exists():
            return True
        with self._turn():
            if self._tickets():
                return False
            free = self._free()
            chosen = self._choose(self.need, free)
            for locks in free.values():
                for lock in locks:
                    lock.release()
        return bool(chosen)

    def words(self, ticket: Ticket) -> str:
        """Say what a run waits for, who has it, and where in the line it stands."""
        with self._turn():
            names = [name for name, _ in self._holders()]
            line = [waiting.run_id for waiting in self._waiting(ticket)]
        total = len(self._devices) * self._each
        what = {CPU: "a place on the CPU", GPU: "a GPU", ALL_GPUS: f"all {len(self._devices)} GPUs"}[self.need.device]
        taken = f"{len(names)} of {total} {'is' if len(names) == 1 else 'are'} taken"
        by = f" by {_joined(names)}" if names else ""
        place = line.index(ticket.run_id) + 1
        return f"Waits for {what}: {taken}{by}; {'next' if place == 1 else _ordinal(place)} in line."

    def holders(self) -> list[tuple[str, float]]:
        """List the runs that have a place here, and since when (Unix seconds)."""
        if not self.folder.exists():
            return []
        with self._turn():
            return self._holders()

    def _holders(self) -> list[tuple[str, float]]:
        found = {}
        for path in sorted(storage.entries(self.folder)):
            if path.suffix == _SLOT and is_locked(path):
                with suppress(OSError):
                    found[path.read_text(encoding="utf-8").strip() or "another run"] = path.stat().st_mtime
        return list(found.items())

    def _place(self, ticket: Ticket, devices: Sequence[str], locks: tuple[Lock, ...]) -> Place:
        for lock in locks:
            lock.write(ticket.run_id)
        gpus = tuple(gpu for gpu in self.need.gpus if _device(gpu) in devices) if self.need.device != CPU else ()
        return Place(",".join(devices), gpus, locks)

    def _choose(self, need: Need, free: dict[str, list[Lock]]) -> list[str]:
        """Choose devices with a free place for a need; nothing where they don't suffice."""
        if need.device == ALL_GPUS:
            wanted = [_device(gpu) for gpu in need.gpus]
            return wanted if all(free.get(device) for device in wanted) else []
        allowed = [_device(gpu) for gpu in need.gpus] if need.device == GPU else [CPU]
        best = max(allowed, key=lambda device: len(free.get(device, ())), default="")
        return [best] if free.get(best) else []

    def _free(self) -> dict[str, list[Lock]]:
        """Lock every free place."""
        free: dict[str, list[Lock]] = {device: [] for device in self._devices}
        for device in self._devices:
            for number in range(self._each):
                lock = Lock(self.folder / f"{device}-{number}{_SLOT}")
                if lock.acquire():
                    free[device].append(lock)
        return free

    def _waiting(self, own: Ticket) -> list[Ticket]:
        others = [waiting for waiting in self._tickets() if waiting.run_id != own.run_id]
        return sorted([*others, own], key=lambda waiting: waiting.order)

    def _tickets(self) -> list[Ticket]:
        """Read the line in its order; tickets whose holder is gone are removed, suspended holders are left out."""
        found = []
        now = time.time()
        for path in storage.entries(self.folder):
            if path.suffix != _TICKET:
                continue
            with suppress(OSError, ValueError, KeyError, TypeError):
                if not is_locked(path):
                    path.unlink(missing_ok=True)
                elif now - path.stat().st_mtime < _STALLED_SECONDS:
                    found.append(read_ticket(path))
        return sorted(found, key=lambda waiting: waiting.order)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with storage.disk_errors(self.folder / "turn.lock"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with Lock(self.folder / "turn.lock"):
                yield

    @contextmanager
    def ticket_of(self, ticket: Ticket) -> Iterator[Lock]:
        """Stand in the line: hold a locked ticket until the block ends."""
        lock = Lock(self.folder / f"{ticket.run_id}{_TICKET}")
        with self._turn():  # nobody may see it before it is locked
            lock.acquire()
            write_ticket(lock, ticket)
        try:
            yield lock
        finally:
            with self._turn():
                lock.path.unlink(missing_ok=True)
                lock.release()


def take_turn(folder: Path, settings: Settings) -> Place | None:
    """Wait until a run may train; meanwhile its state says what for.

    Parameters
    ----------
    folder : Path
        The run's.

    Returns
    -------
    Place or None
        None where the run was asked to stop while it waited.
    """
    line = Line(settings, Need.read(folder))
    ticket = Ticket(folder.name, read_priority(folder), read_state(folder).queued or time.time(), line.need)
    place = line.take(ticket)
    if place is not None:
        return place
    from workbench.training.waiting import wait_in_line

    return wait_in_line(line, ticket, folder)


def read_priority(folder: Path) -> int:
    """Read a run's priority: higher ones train first; 0 where none was given."""
    with suppress(StorageError, AttributeError, TypeError, ValueError):
        return int((storage.read_json(folder / ABOUT) or {}).get("priority") or 0)
    return 0


def stop_is_asked(folder: Path) -> bool:
    """Tell whether a waiting run was asked to stop."""
    return os.path.exists(folder / STOP)


def _device(gpu: str) -> str:
    return f"gpu{gpu}" if gpu.isdigit() else _NOT_NAMES.sub("-", gpu)


def _joined(names: Sequence[str]) -> str:
    shown = list(names[:4]) + ([f"{len(names) - 4} more"] if len(names) > 4 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _ordinal(number: int) -> str:
    if 10 < number % 100 < 20:
        return f"{number}th"
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"
