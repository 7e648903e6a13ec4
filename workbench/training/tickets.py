"""What a run in the line says of itself: its ticket, and the place that it needs."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench import storage
from workbench.errors import StorageError
from workbench.locking import Lock
from workbench.training.state import LAUNCH

CPU, GPU, ALL_GPUS = "cpu", "gpu", "all_gpus"


@dataclass(frozen=True)
class Need:
    """What a run needs to train.

    Parameters
    ----------
    device : {"cpu", "gpu", "all_gpus"}
    gpus : tuple of str
        The GPUs that it may use, as CUDA names them.
    folder : str
        Where it was started: relative paths in its spec count from there, also when it is resumed from elsewhere.
    """

    device: str = CPU
    gpus: tuple[str, ...] = ()
    folder: str = ""

    @classmethod
    def read(cls, folder: Path) -> Need:
        """Read what was written into a run's folder; a place on the CPU where there is nothing."""
        with suppress(StorageError, KeyError, TypeError):
            document = storage.read_json(folder / LAUNCH)
            if document:
                return cls(
                    str(document["device"]), tuple(str(gpu) for gpu in document["gpus"]), str(document["folder"])
                )
        return cls()

    def write(self, folder: Path) -> None:
        """Write it into a run's folder."""
        storage.write_json(folder / LAUNCH, {"device": self.device, "gpus": list(self.gpus), "folder": self.folder})


@dataclass(frozen=True)
class Ticket:
    """One run in the line, as its ticket says."""

    run_id: str
    priority: int
    since: float
    need: Need

    @property
    def order(self) -> tuple[int, float, str]:
        """Where it stands: higher priority first, then who waits longest."""
        return (-self.priority, self.since, self.run_id)


def write_ticket(lock: Lock, ticket: Ticket) -> None:
    """Write a ticket into its locked file."""
    need = {"device": ticket.need.device, "gpus": list(ticket.need.gpus)}
    lock.write(json.dumps({"run_id": ticket.run_id, "priority": ticket.priority, "since": ticket.since, **need}))


def read_ticket(path: Path) -> Ticket:
    """Read a ticket."""
    document = json.loads(path.read_text(encoding="utf-8"))
    need = Need(document["device"], tuple(document["gpus"]))
    return Ticket(document["run_id"], int(document["priority"]), float(document["since"]), need)
