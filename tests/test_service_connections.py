"""Connections over real sockets: speed on a kept connection, clients that dawdle, leave, come in crowds or nest."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import logging
import resource
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
import uvicorn

from workbench import registry
from workbench.errors import RequestError
from workbench.service import create_app
from workbench.service.bodies import MAX_DEPTH, MAX_PARTS, check_structure
from workbench.service.connections import BoundConnections, Limits, bounded, calm_the_loop, limits_of
from workbench.service.server import bind

ROW = {"sex": "female", "age": 31, "pclass": 2, "alone": False}


@pytest.fixture
def repository(settings, model_packages):
    registry.publish(model_packages["passengers"], "passengers", settings=settings)
    return settings


@contextmanager
def running(app, *, listener: socket.socket | None = None, **options):
    with listener or bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, **{"lifespan": "off", **options}))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield port
        finally:
            server.should_exit = True
            thread.join(10)


def seconds_of_a_kept_connection(port: int, path: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        connection.request("POST", path, json.dumps(ROW), {"content-type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
        taken.append(time.perf_counter() - start)
    connection.close()
    return min(taken[1:])  # a delayed acknowledgement holds up all but the first one


async def bare(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def with_lifespan(scope, receive, send):
    if scope["type"] != "lifespan":
        return await bare(scope, receive, send)
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def test_a_kept_connection_waits_for_no_acknowledgement(repository):
    bare_listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bare_listener.bind(("127.0.0.1", 0))
    with running(bare, listener=bare_listener, loop="asyncio") as port:
        fast = seconds_of_a_kept_connection(port, "/")
    with running(create_app(repository), http=bounded(repository), loop="asyncio") as port:
        assert seconds_of_a_kept_connection(port, "/predict/passengers") < 15 * fast  # 44 ms were 80 times as much
    # A socket like Streamlit's, and a server that knows nothing of ours, as `streamlit run` has it.
    theirs = socket.socket(socket.AF_INET)
    theirs.bind(("127.0.0.1", 0))
    with running(BoundConnections(with_lifespan, repository), listener=theirs, lifespan="on", loop="asyncio") as port:
        assert seconds_of_a_kept_connection(port, "/") < 15 * fast


@contextmanager
def connected(port: int, text: str = ""):
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(text.encode())
        yield connection


def head(n_bytes: int, path: str = "/predict/passengers") -> str:
    return f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {n_bytes}\r\n\r\n"


def whole(connection: socket.socket) -> str:
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts).decode()


def test_clients_that_dawdle_are_told_so_and_closed(repository, caplog):
    hasty = replace(repository, request_seconds=0.4)
    with running(create_app(hasty), http=bounded(hasty)) as port:
        for text in ("", "POST /predict", head(10), head(10) + "{"):
            with connected(port, text) as connection:
                assert whole(connection).startswith("HTTP/1.1 408 "), text
        with connected(port, head(100_000)) as connection, pytest.raises(OSError):
            for _ in range(200):  # drop by drop is too slow, too
                connection.sendall(b" ")
                time.sleep(0.02)
                connection.getpeername()
            pytest.fail("it was never closed")
        with connected(port, f"GET /v2 HTTP/1.1\r\nhost: localhost\r\nx: {'y' * 100_000}") as connection:
            assert whole(connection).startswith("HTTP/1.1 431 ")
        # Whoever sends in time isn't touched, also one that was idle before.
        body = json.dumps(ROW)
        with connected(port) as connection:
            for part in (head(len(body))[:9], head(len(body))[9:], body[:9], body[9:]):
                time.sleep(0.1)
                connection.sendall(part.encode())
            assert connection.recv(20).startswith(b"HTTP/1.1 200 ")
    assert not [record for record in caplog.records if record.exc_info]


def test_clients_that_leave_leave_no_traceback(repository, caplog):
    body = json.dumps(ROW)
    with running(create_app(repository), http=bounded(repository)) as port:
        for text in ("", head(10) + "{", head(len(body)) + body, head(2**21) + "[" * 2**19):
            for _ in range(3):
                with connected(port, text):
                    pass
        assert httpx.get(f"http://127.0.0.1:{port}/v2/health/live").status_code == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_a_crowd_is_turned_away_and_the_others_stay(repository, caplog):
    few = replace(repository, max_connections=8)
    with (
        running(create_app(few), http=bounded(few)) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as early,
    ):
        assert early.get("/v2/health/live").status_code == 200
        crowd = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(20)]
        refused = [whole(connection) for connection in crowd[7:]]
        assert all(answer.startswith("HTTP/1.1 503 ") and "Try again in a moment" in answer for answer in refused)
        assert early.get("/v2/health/live").status_code == 200
        for connection in crowd:
            connection.close()
        time.sleep(0.2)
        assert httpx.get(f"http://127.0.0.1:{port}/v2/health/live").status_code == 200
    assert len([record for record in caplog.records if "turned away" in record.getMessage()]) == 1


def test_connections_stay_below_the_limit_of_open_files(settings, monkeypatch):
    files = [256, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda which: tuple(files))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: files.__setitem__(slice(None), limits))
    assert limits_of(settings) == Limits(1000, 30.0)
    assert files == [1384, 4096]
    files[:] = [256, 256]
    assert limits_of(settings).n_connections == 64
    files[:] = [resource.RLIM_INFINITY, resource.RLIM_INFINITY]
    assert limits_of(replace(settings, request_seconds=0.0)) == Limits(1000, float("inf"))


def test_a_loop_without_files_says_so_once(caplog):
    async def fail() -> None:
        loop = asyncio.get_running_loop()
        calm_the_loop(loop)
        for _ in range(1000):
            error = OSError(errno.EMFILE, "Too many open files")
            loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": error})
        loop.call_exception_handler({"message": "something else"})

    with caplog.at_level(logging.WARNING):
        asyncio.run(fail())
    assert [record.getMessage().partition(".")[0] for record in caplog.records] == [
        "A connection can't be accepted: Too many open files",
        "something else",
    ]


NESTED = b"[" + b"[]," * MAX_PARTS + b"[]]"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (NESTED, "holds more than 100,000 lists and objects"),
        (NESTED.replace(b"[]", b"{}"), "lists and objects"),
        (b"[" * 900 + b"]" * 900, "more than 16 deep within each other"),
        (b'{"a":' * 20 + b"1" + b"}" * 20, "16 deep"),
        (b'["\\\\"' + b",[" * 20 + b"]" * 21, "16 deep"),
        (b"[" * 10 + b" " * 300_000 + b"[" * 10 + b"]" * 20, "16 deep"),  # in several blocks
    ],
)
def test_a_body_nested_beyond_sense_is_refused_before_it_is_parsed(body, words):
    with pytest.raises(RequestError, match=words):
        check_structure(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        json.dumps([{"text": '["{' * 40 + '\\"[' * 40 + "\\"}] * 3).encode(),
        b"[" + b"{}," * 1000 + b"{}]",
        b'["' + b"[" * 300_000 + b'", [' + b"[]," * 50_000 + b"[]]]",  # a text over several blocks
    ],
)
def test_brackets_in_texts_and_many_rows_are_taken(body):
    check_structure(body)


def test_nested_bodies_are_refused_over_http_and_others_go_on(repository):
    with running(create_app(repository), http=bounded(repository)) as port:
        address = f"http://127.0.0.1:{port}/predict/passengers"
        answer = httpx.post(address, content=NESTED)
        assert answer.status_code == 413 and "100,000" in answer.json()["error"]
        assert httpx.post(address, content=b"[" * 5 * 2**20).status_code == 413
        deep = {"inputs": [{"name": "age", "shape": [1], "datatype": json.loads("[" * 300 + "]" * 300), "data": [1]}]}
        assert httpx.post(f"http://127.0.0.1:{port}/v2/models/passengers/infer", json=deep).status_code == 400
        assert httpx.post(address, json=[ROW]).status_code == 200


def test_large_bodies_take_turns_and_share_a_bound(repository, monkeypatch):
    monkeypatch.setattr("workbench.service.bodies.LARGE_BODY", 1000)
    monkeypatch.setattr("workbench.service.bodies.BODIES_AT_ONCE", 2)
    small = replace(repository, max_request_mib=1)
    app = create_app(small)
    at_once, most = 0, 0

    from workbench.service import answers

    plain = answers.orjson.loads

    def counted(body):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.05)
        at_once -= 1
        return plain(body)

    monkeypatch.setattr(
        answers, "orjson", type("counted", (), {**vars(answers.orjson), "loads": staticmethod(counted)})
    )
    rows = [{**ROW, "age": age} for age in range(400)]

    async def waiting():
        yield b" " * (2**20 - 10)
        await asyncio.sleep(0.3)
        yield b"[]"

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:

            async def crowd(n: int, **options) -> list[int]:
                asked = [client.post("/predict/passengers", **options) for _ in range(n)]
                return sorted(answer.status_code for answer in await asyncio.gather(*asked))

            assert await crowd(6, json=rows) == [200] * 6
            waits = [client.post("/predict/passengers", content=waiting()) for _ in range(3)]
            assert sorted(answer.status_code for answer in await asyncio.gather(*waits)) == [422, 422, 503]
            assert await crowd(6, json=rows) == [200] * 6  # what was held is free again

    asyncio.run(ask())
    assert most == 1
