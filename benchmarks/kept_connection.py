"""One row a request, one request after the other on one connection: from outside, as a client waits for it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measuring import ROOT, free_port, in_turn, report, server

TITLE = "Milliseconds for one request on a kept connection: service and app against a bare uvicorn"
N_REQUESTS = 200
ROW = {"pclass": 1, "sex": "female", "age": 29, "sibsp": 0, "parch": 0, "fare": 211.3, "embarked": "S"}
BODY = json.dumps({"rows": [ROW]}).encode()
BARE = """
import os

import uvicorn

ANSWER = os.environ["ANSWER"].encode()
HEAD = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEAD})
    await send({"type": "http.response.body", "body": ANSWER})


uvicorn.run(app, port=int(os.environ["PORT"]), lifespan="off", log_level="error")
"""


def main() -> None:
    """Print the milliseconds of a request to the shipped Titanic model."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        folder = Path(name)
        shutil.copytree(ROOT / "models", folder / "models")
        ours = {"WORKBENCH_HOME": str(folder / "home"), "WORKBENCH_MODELS": str(folder / "models")}
        workbench = [sys.executable, "-m", "workbench"]
        ports = {side: free_port() for side in ("bare", "service", "app")}
        for side, command, health in (("service", "serve", "v2/health/ready"), ("app", "app", "_stcore/health")):
            started = [*workbench, command, "--port", str(ports[side])]
            servers.enter_context(server(started, ports[side], folder=ROOT, health=health, **ours))
        service = http.client.HTTPConnection("127.0.0.1", ports["service"])
        answer = _asked(service, "/predict/titanic").decode()
        bare = {"ANSWER": answer, "PORT": str(ports["bare"])}
        servers.enter_context(server([sys.executable, "-c", BARE], ports["bare"], folder=folder, health="", **bare))
        connections = {
            "bare": (http.client.HTTPConnection("127.0.0.1", ports["bare"]), "/"),
            "service": (service, "/predict/titanic"),
            "app": (http.client.HTTPConnection("127.0.0.1", ports["app"]), "/api/predict/titanic"),
        }
        time.sleep(3)  # the app still starts a worker
        sides = {side: lambda to=to: _seconds(*to) for side, to in connections.items()}
        figures = in_turn(sides, rounds=N_REQUESTS)
        print(f"{os.cpu_count()} cores; {N_REQUESTS} requests each, in turn, one client")
        report({side: values[20:] for side, values in figures.items()}, unit="ms", scale=1000, against="bare")


def _seconds(connection: http.client.HTTPConnection, path: str) -> float:
    started = time.perf_counter()
    _asked(connection, path)
    return time.perf_counter() - started


def _asked(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("POST", path, BODY, {"content-type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {content[:200]!r}")
    return content
