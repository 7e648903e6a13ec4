"""The app as `streamlit run app.py` starts it: its own server obeys what `workbench serve` obeys."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from workbench import registry
from workbench.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
ROW = {"sex": "female", "age": 31, "pclass": 2, "alone": False}


@pytest.fixture(scope="module")
def app(tmp_path_factory, model_packages):
    folder = tmp_path_factory.mktemp("app")
    settings = Settings(home=folder / "home", models=folder / "models", warm_worker="off", request_seconds=1.0)
    registry.publish(model_packages["passengers"], "passengers", settings=settings)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.baseUrlPath=lab"],
            cwd=ROOT,
            env={**os.environ, **settings.to_environment()},
            stdout=output,
            stderr=output,
        )
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    if httpx.get(f"http://localhost:{port}/lab/_stcore/health").status_code == 200:
                        break
                except httpx.TransportError:
                    assert time.monotonic() < deadline and process.poll() is None, log.read_text()
                    time.sleep(0.1)
            yield port, log
        finally:
            process.terminate()
            process.wait(20)


def shake_hands(port: int, host: str, origin: str) -> str:
    """Ask for Streamlit's WebSocket and give the line of the answer's status."""
    key = base64.b64encode(bytes(16)).decode()
    lines = [
        "GET /lab/_stcore/stream HTTP/1.1",
        f"Host: {host}",
        f"Origin: {origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        "\r\n",
    ]
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.recv(1000).decode("latin-1").partition("\r\n")[0]


def test_the_app_listens_on_this_machine_alone(app):
    port, _ = app
    others = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):
            socket.create_connection((address, port), 2)


@pytest.mark.parametrize("path", ["/lab/api", "/api"])
def test_the_service_lies_below_the_base_path_too(app, path):
    port, _ = app
    with httpx.Client(base_url=f"http://localhost:{port}", follow_redirects=True) as client:
        assert client.post(f"{path}/predict/passengers", json=ROW).status_code == 200
        assert client.get(path).url.path == client.get(f"{path}/").url.path == f"{path}/docs"
        assert 'href="openapi.json"' in client.get(f"{path}/docs").text
        assert client.get(f"{path}/openapi.json").json()["servers"] == [{"url": "."}]


def test_foreign_hosts_and_pages_are_refused_everywhere(app):
    port, _ = app
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for path in ("/api/models", "/lab/api/v2", "/lab/live/runs/none", "/lab/", "/lab/_stcore/host-config"):
            assert client.get(path, headers={"host": f"evil.example:{port}"}).status_code == 403, path
            assert client.get(path, headers={"origin": "http://evil.example"}).status_code == 403, path
            assert client.get(path).status_code in (200, 404), path
    own = f"localhost:{port}"
    assert shake_hands(port, own, f"http://{own}") == "HTTP/1.1 101 Switching Protocols"
    assert shake_hands(port, "evil.example", "http://evil.example").startswith("HTTP/1.1 403 ")
    assert shake_hands(port, own, "http://evil.example").startswith("HTTP/1.1 403 ")
    assert shake_hands(port, own, "http://localhost:3000").startswith("HTTP/1.1 403 ")  # Streamlit alone allows it


def test_the_app_waits_for_no_acknowledgement_and_for_no_dawdler(app):
    port, log = app
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        taken = {"/lab/_stcore/health": [], "/api/predict/passengers": []}
        for _ in range(20):
            for path, seconds in taken.items():
                start = time.perf_counter()
                client.post(path, json=ROW) if "predict" in path else client.get(path)
                seconds.append(time.perf_counter() - start)
    # Neither waits: with Streamlit's own socket both would take 40 ms longer than a connection of its own.
    fresh = []
    for _ in range(5):
        start = time.perf_counter()
        httpx.post(f"http://127.0.0.1:{port}/api/predict/passengers", json=ROW)
        fresh.append(time.perf_counter() - start)
    assert min(taken["/api/predict/passengers"]) < min(fresh)
    for text in (
        "",
        "GET /lab/",
        "POST /api/predict/passengers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n[",
    ):
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(text.encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
    body = json.dumps([ROW] * 100)
    for cut in (1, len(body) // 2, len(body)):
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            head = (
                f"POST /lab/api/predict/passengers HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall((head + body[:cut]).encode())
    assert httpx.post(f"http://127.0.0.1:{port}/api/predict/passengers", content=b"[" * 5 * 2**20).status_code == 413
    assert "Traceback" not in log.read_text()


def test_the_app_refuses_other_machines_without_a_token():
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port=0", "--server.address=0.0.0.0"]
    environment = {name: value for name, value in os.environ.items() if name != "WORKBENCH_TOKEN"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "no token is set" in done.stderr
