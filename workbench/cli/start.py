"""Commands that open something or look at something: app, lab, serve, doctor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli.output import Json, note, show, table
from workbench.errors import SettingsError
from workbench.settings import Settings, current

Host = Annotated[str | None, typer.Option(help="Address to listen on; WORKBENCH_HOST by default.", show_default=False)]
Port = Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535, show_default=False)]
Token = Annotated[
    str | None,
    typer.Option(
        help="Secret that every request must carry, needed where other machines can reach the address; WORKBENCH_TOKEN "
        "by default. The word `new` makes one and prints it.",
        show_default=False,
    ),
]
ROOT = Path(__file__).resolve().parents[2]


def app(
    host: Host = None,
    port: Port = None,
    headless: Annotated[bool, typer.Option("--headless", help="Don't open a browser.")] = False,
    token: Token = None,
) -> None:
    """Open the workbench in the browser.

    The prediction service answers on the same port, under /api.
    """
    from workbench.service.access import Access, with_token
    from workbench.service.server import bind

    settings = with_token(current(), token)
    host, port = host or settings.host, settings.port if port is None else port
    Access.of(settings, host)
    bind(host, port).close()  # Streamlit's own message about a taken port doesn't say what to do
    script = _app_script()
    address = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '::') else host}:{port}"  # noqa: S104
    note(f"The workbench opens at {address}{f'/?token={settings.token}' if token == 'new' else ''}")  # noqa: S105
    options = {
        "server.port": port,
        "server.address": host,
        "server.headless": str(headless or _no_display()).lower(),
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "server.maxUploadSize": settings.max_upload_mib,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    _become([sys.executable, "-m", "streamlit", "run", str(script), *flags], settings)


def lab(
    host: Host = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8888 by default.", show_default=False)] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Don't open a browser.")] = False,
) -> None:
    """Open the notebooks in JupyterLab."""
    folder = ROOT / "notebooks"
    flags = [f"--ServerApp.root_dir={folder.parent if folder.is_dir() else Path.cwd()}"]
    if folder.is_dir():
        flags.append("--LabApp.default_url=/lab/tree/notebooks")
    flags += [f"--ip={host}"] if host else []
    flags += [f"--port={port}"] if port is not None else []
    flags += ["--no-browser"] if headless else []
    # In a container there is often only root, and Jupyter refuses root unless told.
    flags += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    _become([sys.executable, "-m", "jupyterlab", *flags], current())


def serve(host: Host = None, port: Port = None, token: Token = None) -> None:
    """Answer predictions over HTTP, without the app.

    Open Inference Protocol V2 under /v2, plain rows under /predict/MODEL, and a page to try them at /docs.
    """
    from workbench.service.access import with_token
    from workbench.service.server import serve as serve_models

    settings = with_token(current(), token)
    if token == "new":  # noqa: S105 - a word, no secret
        note(f"Send with each request: Authorization: Bearer {settings.token}")
    serve_models(host=host, port=port, settings=settings)


def doctor(as_json: Json = False) -> None:
    """Say whether this machine is ready.

    Versions, CPU, memory, disk, GPUs (or why there is none), and whether each folder is writable.
    """
    from workbench.doctor import examine

    report = examine()
    show(report, as_json, lambda: _doctor_text(report))
    if report["problems"]:
        raise typer.Exit(1)


def _app_script() -> Path:
    script = ROOT / "app.py"
    if script.is_file():
        return script
    raise SettingsError(
        f"Got an installation without app.py (looked in {ROOT}), needed the whole project for the pages. "
        "Install from a checkout with `pip install -e .`; `workbench serve` and all other commands work without it."
    )


def _no_display() -> bool:
    return sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _become(command: list[str], settings: Settings) -> None:
    """Run another program in place of this one, so that signals and the exit status are its own."""
    # Absolute folders: a notebook's kernel starts in the notebook's folder, and must find the same runs and models.
    environment = {**os.environ, **settings.to_environment()}
    if os.name == "posix":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(command[0], command, environment)  # noqa: S606
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


def _doctor_text(report: dict[str, Any]) -> str:
    cpu, memory, disk = report["cpu"], report["memory"], report["disk"]
    lines = [
        f"Python    {report['python']['version']} ({report['python']['executable']})",
        f"System    {report['platform']}",
        f"CPU       {cpu['name']}, {cpu['cores']} cores, {cpu['usable_cores']} of them usable",
        f"Memory    {memory['available_gib']} GiB available of {memory['total_gib']} GiB",
        f"Disk      {disk['free_gib']} GiB free of {disk['total_gib']} GiB at {disk['folder']}",
    ]
    lines += [f"GPU {gpu['index']}     {_gpu(gpu)}" for gpu in report["gpus"]]
    if not report["gpus"]:
        lines.append(f"GPU       none: {report['gpu_reason']}")
    lines.append(f"TPU       {report['tpu']}")
    for name, folder in report["folders"].items():
        state = "writable" if folder["writable"] else f"not writable ({folder['reason'] or 'read-only'})"
        new = "" if folder["exists"] else ", will be made"
        why = f" ({report['home_reason']})" if name == "home" else ""
        lines.append(f"{name.capitalize():<9} {folder['path']}{why}: {state}{new}")
    lines += [
        "",
        table(["package", "version"], [(name, found or "missing") for name, found in report["versions"].items()]),
    ]
    lines += ["", *report["problems"]] if report["problems"] else ["", "All well."]
    return "\n".join(lines)


def _gpu(gpu: dict[str, Any]) -> str:
    fields = [
        (gpu["memory_total_mib"], "{:,.0f} MiB"),
        (gpu["utilisation_percent"], "{:.0f} % in use"),
        (gpu["power_w"], "{:.0f} W"),
        (gpu["temperature_c"], "{:.0f} °C"),
        (gpu["pcie_link"], "PCIe {}"),
        (", ".join(gpu["slowed_by"] or ()) or None, "slowed by {}"),
    ]
    return ", ".join([gpu["name"] or "unnamed", *(form.format(value) for value, form in fields if value is not None)])


commands = (app, lab, serve, doctor)
