"""The models in memory: loaded once, followed when an alias moves, never waited for by another model's requests."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from workbench.errors import ModelNotFoundError, RequestError, WorkbenchError
from workbench.package import Predictor, load_predictor
from workbench.registry import CHAMPION
from workbench.registry.names import Reference, check_alias, parse_reference
from workbench.registry.repository import read_aliases, resolve_number
from workbench.settings import Settings

log = logging.getLogger(__name__)

MAX_LOADED = 16  # versions kept in memory; the one used longest ago goes first
RETRY_SECONDS = 5.0  # a package that didn't load is tried again after this time, or when its manifest changes
LOADING_THREADS = 2
MAX_DIGITS = 9  # of a version's number; Python refuses to read more than 4,300 of them

T = TypeVar("T")
Stamp = tuple[int, int, int]  # inode, time of change and size: an atomic replace changes the first two


@dataclass(frozen=True)
class Loaded:
    """A version in memory."""

    name: str
    number: int
    predictor: Predictor
    stamp: Stamp


@dataclass(frozen=True)
class _Broken:
    reason: str
    stamp: Stamp
    time: float


class LoadedModels:
    """Gives the predictor of a model's version; asks the disk what is live at each request, which costs two `stat`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._root = str(settings.models)  # text: joining paths would take a third of the time of a small request
        self._loaded: OrderedDict[tuple[str, int], Loaded] = OrderedDict()
        self._broken: dict[tuple[str, int], _Broken] = {}
        self._loading: dict[tuple[str, int], Future[Loaded]] = {}
        self._aliases: dict[str, tuple[Stamp, dict[str, int]]] = {}
        self._lock = Lock()
        self._loaders = ThreadPoolExecutor(LOADING_THREADS, thread_name_prefix="load-model")
        self._workers = ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="predict")

    async def run(self, work: Callable[[], T]) -> T:
        """Run a longer piece of work beside the event loop, so that small requests needn't wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    def live_number(self, name: str, version: str | None = None) -> int:
        """Find the number that a request means: a number, an alias, or the champion.

        Raises
        ------
        ModelNotFoundError
            If there is no such model, version or alias.
        """
        parsed = parse_reference(name)  # guards the path, and allows name@alias
        if parsed.number is not None:
            raise RequestError(f"Got the model {name!r}; name the version with /versions/N or ?version=N.")
        alias = parsed.alias or CHAMPION
        if version and version.isascii() and version.isdigit():
            if len(version) > MAX_DIGITS:
                raise ModelNotFoundError(
                    f"No version has a number of {len(version):,} digits. Ask for one of those that are listed."
                )
            return resolve_number(Reference(parsed.name, int(version), None), self.settings)
        if version:
            try:
                alias = check_alias(version)
            except WorkbenchError as error:
                raise RequestError(str(error)) from error
        number = self._pointers(parsed.name).get(alias)
        return number or resolve_number(Reference(parsed.name, None, alias), self.settings)

    async def get(self, name: str, version: str | None = None) -> Loaded:
        """Give a version, loading it at its first use.

        Raises
        ------
        ModelNotFoundError
            If there is no such model, version or alias.
        RequestError
            With status 503 if its package is broken.
        """
        number = self.live_number(name, version)
        name = name.partition("@")[0]
        key = (name, number)
        stamp = self._stamp(name, number)
        loaded = self._loaded.get(key)
        if loaded is not None and loaded.stamp == stamp:
            return loaded
        broken = self._broken.get(key)
        if broken and broken.stamp == stamp and time.monotonic() - broken.time < RETRY_SECONDS:
            raise _unavailable(name, number, broken.reason)
        with self._lock:
            future = self._loading.get(key)
            if future is None:
                future = self._loading[key] = self._loaders.submit(self._load, name, number, stamp)
        # The shield keeps the load going for the others when this request's client hangs up.
        return await asyncio.shield(asyncio.wrap_future(future))

    def _load(self, name: str, number: int, stamp: Stamp) -> Loaded:
        key = (name, number)
        try:
            folder = self.settings.models / name / str(number)
            predictor = load_predictor(folder, verify=True, settings=self.settings)
            loaded = Loaded(name, number, predictor, stamp)
            with self._lock:
                self._broken.pop(key, None)
                self._loaded[key] = loaded
                self._loaded.move_to_end(key)
                while len(self._loaded) > MAX_LOADED:
                    self._loaded.popitem(last=False)
            return loaded
        except Exception as error:
            # Whatever is wrong with one package (also what ONNX Runtime raises) must not stop the others.
            reason = str(error) or type(error).__name__
            log.warning(
                "%s version %d doesn't load: %s", name, number, reason, exc_info=not isinstance(error, WorkbenchError)
            )
            with self._lock:
                self._loaded.pop(key, None)
                reason = self.settings.without_folders(reason)  # the log keeps the whole paths
                self._broken[key] = _Broken(reason, stamp, time.monotonic())
            raise _unavailable(name, number, reason) from error
        finally:
            with self._lock:
                self._loading.pop(key, None)

    def _pointers(self, name: str) -> dict[str, int]:
        try:
            stamp = _stamp_of(f"{self._root}/{name}/aliases.json")
        except OSError:
            return {}
        known = self._aliases.get(name)
        if known is None or known[0] != stamp:
            known = self._aliases[name] = (stamp, read_aliases(self.settings.models / name))
        return known[1]

    def _stamp(self, name: str, number: int) -> Stamp:
        try:
            return _stamp_of(f"{self._root}/{name}/{number}/manifest.json")
        except OSError as error:
            resolve_number(Reference(name, number, None), self.settings)  # says so where the whole version is gone
            raise _unavailable(name, number, "its manifest.json can't be read") from error


def _stamp_of(path: str) -> Stamp:
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns, status.st_size


def _unavailable(name: str, number: int, reason: str) -> RequestError:
    return RequestError(
        f"{name} version {number} can't be loaded: {reason} Promote another version, or roll back.", status=503
    )
