"""Folders, limits and ports: one table, and the only reader of the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from workbench.errors import SettingsError


def _setting(default: Any, meaning: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"meaning": meaning})


_HOME, _MODELS = ".workbench", "models"


@dataclass(frozen=True)
class Settings:
    """What can be configured. Each field is read from ``WORKBENCH_<FIELD>`` (upper case).

    Examples
    --------
    >>> Settings.from_environment({"WORKBENCH_PORT": "9000"}).port
    9000
    """

    home: Path = _setting(
        Path(_HOME), "Folder for tables, runs and explanations; looked for from the current folder upwards."
    )
    models: Path = _setting(Path(_MODELS), "Folder of the model repository (published versions); beside the home.")
    data: Path | None = _setting(None, "Folder with more data files, found by name; for tests and benchmarks.")
    host: str = _setting("127.0.0.1", "Address that the app and the service listen on.")
    port: int = _setting(8501, "Port of the app; `workbench serve` uses it plus one unless told otherwise.")
    max_upload_mib: int = _setting(4096, "Largest file that may be uploaded or read, in MiB.")
    max_unpacked_mib: int = _setting(4096, "Most that an archive or compressed file may unpack to, in MiB.")
    max_archive_ratio: int = _setting(
        200,
        "Most times its packed size that a file in an archive may unpack to, beyond 16 MiB; more is taken for a bomb.",
    )
    max_table_mib: int = _setting(
        2048, "Memory that a table's rows may take while a run trains, in MiB; of a larger one a sample is trained on."
    )
    files: Path | None = _setting(None, "Folder whose files the pages may open by their path; empty means none.")
    connection_variables: str = _setting(
        "",
        "Environment variables that a database's connection string may name as ${NAME}, each with the host that it may "
        "be sent to: SHOP_PASSWORD@db.example, OTHER@db2.example; * as host stands for any.",
    )
    max_columns: int = _setting(10_000, "Most columns that a table may have.")
    max_categories: int = _setting(1_000, "Most categories that one column may be one-hot encoded into.")
    preview_rows: int = _setting(1_000, "Rows of the sample that the Prepare page previews a recipe on.")
    max_request_rows: int = _setting(10_000, "Most rows in one prediction request over HTTP.")
    max_request_mib: int = _setting(4, "Largest body of one prediction request, in MiB.")
    max_connections: int = _setting(1_000, "Most connections to the app or the service that are open at once.")
    request_seconds: float = _setting(
        30.0,
        "Seconds that a client may take for the headers of a request, and may pause within its body. 0 means no limit.",
    )
    allowed_hosts: str = _setting(
        "",
        "Further names under which browsers reach the app and the service, separated by commas, such as a proxy's "
        "(lab.example.org, *.example.org; * means any). localhost and the address listened on are always allowed.",
    )
    token: str = _setting(
        "",
        "Secret of at least 16 characters that every request to the app and the service must carry; needed where other "
        "machines can reach them.",
        secret=True,
    )
    hardware_seconds: float = _setting(1.0, "Seconds between two samples of CPU, memory and GPU while a run trains.")
    heartbeat_seconds: float = _setting(1.0, "Seconds between two signs of life that a worker writes.")
    estimators: Path | None = _setting(None, "Python file with estimators of your own; see docs/estimators.md.")
    runs_at_once: int = _setting(2, "Runs that train on the CPU at the same time; further ones wait in a queue.")
    runs_per_gpu: int = _setting(1, "Runs that train on one GPU at the same time; further ones wait in a queue.")
    warm_worker: str = _setting(
        "auto", "Keep a worker ready that has its libraries loaded: auto (where memory allows), on or off."
    )
    warm_minutes: float = _setting(15.0, "Minutes after which a ready worker that nobody needed goes away.")
    checkpoint_seconds: float = _setting(20.0, "Seconds of training that a killed run may lose at most, about.")
    max_worker_mib: int = _setting(
        0, "Memory that a run's process may take, in MiB; beyond it the run ends with a reason. 0 means no limit."
    )
    stop_grace_seconds: float = _setting(60.0, "Seconds that a stopped run gets to finish cleanly before it is killed.")
    conversion_seconds: float = _setting(
        300.0,
        "Seconds that a library may take to write an estimator of one's own as a graph; then the trained model itself "
        "predicts. 0 means no limit.",
    )
    onnx_threads: int = _setting(0, "Threads of one ONNX Runtime session; 0 means one per core.")
    signing_key: str = _setting(
        "", "Secret that signs each package's manifest (HMAC-SHA256); empty means unsigned.", secret=True
    )

    @classmethod
    def from_environment(cls, environment: dict[str, str] | None = None) -> Settings:
        """Read the settings from environment variables, with defaults for absent ones.

        Home and models that no variable names lie where `use_home` said; else in the nearest folder, from the current
        one upwards, that holds a home or is a checkout of the workbench; else in the checkout that this workbench runs
        from; else in the current folder.

        Raises
        ------
        SettingsError
            If a value isn't of the field's type.
        """
        environment = dict(os.environ) if environment is None else environment
        values: dict[str, Any] = {}
        for entry in fields(cls):
            text = environment.get(f"WORKBENCH_{entry.name.upper()}", "")
            if text:
                values[entry.name] = _parse(entry.name, text, entry.default)
        if "home" not in values or "models" not in values:
            home, models, _ = _find()
            values = {"home": home, "models": models} | values
        return cls(**values)

    @property
    def tables(self) -> Path:
        """Folder of the stored tables."""
        return self.home / "tables"

    @property
    def runs(self) -> Path:
        """Folder of the runs."""
        return self.home / "runs"

    @property
    def explanations(self) -> Path:
        """Folder of the stored explanations."""
        return self.home / "explanations"

    def without_folders(self, text: str) -> str:
        """Shorten the paths in a message to what follows the workbench's folders, for those who only see a page or ask.

        Where things lie on the server is no business of a visitor's.
        """
        places = [self.home, self.models, self.data, self.files, self.estimators]
        known = [place for place in places if place is not None]
        whole = {str(form) for place in known for form in (place.absolute(), place.resolve())}
        for form in sorted(whole, key=len, reverse=True):
            if name := os.path.basename(form):
                text = text.replace(form, name)
        return text

    def to_environment(self) -> dict[str, str]:
        """Give the variables that recreate these settings in another process, with absolute folders."""
        values = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is not None:
                text = str(value.resolve()) if isinstance(value, Path) else str(value)
                values[f"WORKBENCH_{entry.name.upper()}"] = text
        return values


@dataclass(frozen=True)
class Folders:
    """Where tables, runs and models lie, and why there; `folders` gives it.

    Parameters
    ----------
    home, models : Path
        Absolute.
    reason : str
        What led to the home.
    """

    home: Path
    models: Path
    reason: str

    def __repr__(self) -> str:
        return f"Tables and runs lie in {self.home} ({self.reason}), models in {self.models}."


_chosen: tuple[Path, Path] | None = None  # by use_home, for this process


def folders() -> Folders:
    """Say where tables, runs and models of this process lie."""
    settings, (_, _, reason) = current(), _find()
    if os.environ.get("WORKBENCH_HOME"):
        reason = "as the variable WORKBENCH_HOME says"
    return Folders(settings.home.resolve(), settings.models.resolve(), reason)


def use_home(home: str | Path, models: str | Path | None = None) -> Folders:
    """Keep tables and runs of this process in a folder from now on, wherever the process was started.

    Exported code begins with it where the app keeps its runs in a folder that a notebook wouldn't find by itself. The
    variables WORKBENCH_HOME and WORKBENCH_MODELS keep precedence.

    Parameters
    ----------
    home : str or Path
        Folder that exists, usually called ``.workbench``.
    models : str or Path, optional
        Folder of the published models; ``models`` beside `home` when absent.

    Raises
    ------
    SettingsError
        If `home` doesn't exist.
    """
    global _chosen
    folder = Path(home).expanduser().resolve()
    if not folder.is_dir():
        raise SettingsError(
            f"There is no folder {folder} on this machine. Remove the line with use_home to work with the runs that "
            "are found here, or name the folder that holds yours."
        )
    _chosen = folder, Path(models).expanduser().resolve() if models else folder.parent / _MODELS
    return folders()


def home_to_name(settings: Settings) -> tuple[Path, Path] | None:
    """Give home and models for `use_home`; None where each process of this installation finds them by itself."""
    home, models = settings.home.resolve(), settings.models.resolve()
    checkout = _checkout()
    found = checkout is not None and (home, models) == (checkout / _HOME, checkout / _MODELS)
    return None if found else (home, models)


def _find() -> tuple[Path, Path, str]:
    """Give home, models and what led there, for what no variable names."""
    if _chosen is not None:
        return *_chosen, "chosen with use_home"
    here = Path.cwd()
    for folder in (here, *here.parents):
        if folder != here and not _is_trusted(folder, here):
            continue
        if (folder / _HOME).is_dir() or _is_checkout(folder):
            if folder == here:
                return Path(_HOME), Path(_MODELS), "of the current folder"
            return folder / _HOME, folder / _MODELS, "found above the current folder"
    if checkout := _checkout():
        return checkout / _HOME, checkout / _MODELS, "of the checkout that this workbench runs from"
    return Path(_HOME), Path(_MODELS), "of the current folder; none was found above it"


def _checkout() -> Path | None:
    """Give the checkout that this workbench runs from; None where it was installed as a package."""
    root = Path(__file__).resolve().parents[1]
    return root if _is_checkout(root) else None


def _is_checkout(folder: Path) -> bool:
    return (folder / "app.py").is_file() and (folder / "workbench" / "settings.py").is_file()


def _is_trusted(folder: Path, here: Path) -> bool:
    """Whether a folder above belongs to us: below a shared one, such as /tmp, anybody could put a home in our way."""
    if os.name != "posix":
        return True
    try:
        found = folder.stat()
        return found.st_uid in (os.geteuid(), here.stat().st_uid) and not found.st_mode & 0o002
    except OSError:
        return False


def _parse(name: str, text: str, default: Any) -> Any:
    if isinstance(default, Path) or default is None:
        return Path(text).expanduser()
    if isinstance(default, str):
        return text
    try:
        value = type(default)(text)
    except ValueError as error:
        raise SettingsError(
            f"Got WORKBENCH_{name.upper()}={text!r}, needed a {type(default).__name__}. "
            f"Correct the variable or remove it to use {default}."
        ) from error
    if not 0 <= value < float("inf"):  # NaN neither
        raise SettingsError(
            f"Got WORKBENCH_{name.upper()}={text}, needed a number from 0 on. Correct or remove the variable."
        )
    return value


def current() -> Settings:
    """Give the settings of this process, read from the environment now.

    Functions across the workbench take ``settings=None`` and call this when nothing is passed.
    """
    return Settings.from_environment()


def environment_value(name: str) -> str | None:
    """Give a variable of the environment that a user has named, as ``${NAME}`` in a connection string."""
    return os.environ.get(name)
