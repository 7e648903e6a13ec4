"""JupyterLab in a process of its own, for the tests that look at it in a browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import nbformat

from workbench.settings import Settings

PATIENT_SECONDS = 90.0  # two cores may be busy with other tests


@contextmanager
def jupyterlab(folder: Path, settings: Settings, cells: Sequence[str]) -> Iterator[str]:
    """Start it on `book.ipynb` in a folder, with configuration of its own; give the notebook's address."""
    folder.mkdir(parents=True, exist_ok=True)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / "book.ipynb")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    environment = os.environ | settings.to_environment()
    environment |= {name: str(folder / name) for name in (*own, "JUPYTERLAB_WORKSPACES_DIR")}
    flags = [f"--ServerApp.root_dir={folder}", f"--port={port}", "--no-browser", "--allow-root"]
    flags += ["--IdentityProvider.token=", "--LabApp.news_url="]
    flags += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *flags],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(f"{address}/api"))
        yield f"{address}/lab/tree/book.ipynb?reset"
    finally:
        server.terminate()
        server.wait(30)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENT_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False
