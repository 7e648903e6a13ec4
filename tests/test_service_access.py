"""Who may ask: known hosts, own pages, and the token where other machines reach the server; and a proxy's prefix."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workbench import registry
from workbench.errors import SettingsError
from workbench.service import create_app
from workbench.service.access import Access, Gate, is_local, with_token
from workbench.service.server import bind, serve
from workbench.settings import Settings

TOKEN = "a-token-for-the-tests"
CHROMIUM = os.environ.get("WORKBENCH_CHROMIUM") or shutil.which("chromium")


async def echo(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        seen.append(dict(scope["headers"]).get(b"origin"))
        return
    await Response("let in")(scope, receive, send)


seen: list[bytes | None] = []


def ask(settings: Settings, path: str = "/x", *, address: str = "127.0.0.1", method: str = "GET", **options):
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(Gate(echo, settings, address))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8501") as client:
            return await client.request(method, path, **options)

    return asyncio.run(once())


def websocket(settings: Settings, **headers: str) -> str:
    sent: list[dict] = []

    async def once() -> None:
        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await Gate(echo, settings)({"type": "websocket", "path": "/_stcore/stream", "headers": raw}, receive, send)

    asyncio.run(once())
    return sent[0]["type"].partition(".")[2]


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8501", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST.", "lab.localhost", "127.8.8.8"]
)
def test_this_machine_is_known_by_its_own_names(settings, host):
    assert ask(settings, headers={"host": host}).text == "let in"
    assert websocket(settings, host=host, origin=f"http://{host}") == "accept"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "10.1.2.3",
        "localhost@evil.example",
        "[::1",
        ":",
        "",
    ],
)
def test_a_foreign_host_is_refused(settings, host):
    answer = ask(settings, headers={"host": host})
    assert answer.status_code == 403
    assert "add it to WORKBENCH_ALLOWED_HOSTS" in answer.json()["error"]
    assert websocket(settings, host=host) == "close"


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://localhost:3000", "http://127.0.0.1:8501", "null", "file://", "http://[", ""],
)
def test_pages_of_another_origin_may_not_ask(settings, origin):
    answer = ask(settings, headers={"origin": origin})
    assert answer.status_code == 403
    assert "may not ask this workbench, which is 'localhost:8501'" in answer.json()["error"]
    assert websocket(settings, host="localhost:8501", origin=origin) == "close"
    assert ask(settings, headers={"origin": "http://localhost:8501"}).text == "let in"


def test_a_list_of_hosts_opens_a_proxy_and_its_pages(settings):
    known = replace(settings, allowed_hosts="lab.example.org, *.hub.example")
    for host in ("lab.example.org", "lab.example.org:443", "a.hub.example", "localhost"):
        assert ask(known, headers={"host": host, "origin": f"https://{host}"}).text == "let in"
    # A proxy that asks in its own name, as nginx does unless told: the page's origin stays.
    assert ask(known, headers={"host": "127.0.0.1:8501", "origin": "https://lab.example.org"}).text == "let in"
    assert websocket(known, host="127.0.0.1:8501", origin="https://lab.example.org") == "accept"
    assert seen[-1] == b"http://127.0.0.1:8501"  # what Streamlit's own check of the origin compares with the host
    for host in ("example.org", "hub.example", "evil-lab.example.org"):
        assert ask(known, headers={"host": host}).status_code == 403
    assert ask(replace(settings, allowed_hosts="*"), headers={"host": "any.example"}).text == "let in"


def test_a_host_may_be_said_once(settings):
    answer = ask(settings, headers=[("host", "localhost"), ("host", "evil.example")])
    assert answer.status_code == 403 and "Send each once" in answer.json()["error"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "", "192.0.2.7"])
def test_other_machines_need_a_token(settings, address):
    with pytest.raises(SettingsError, match=r"everyone who reaches this machine could use .* --token new"):
        Access.of(settings, address)
    with pytest.raises(SettingsError, match="no token is set"):
        serve(host=address or "0.0.0.0", port=0, settings=settings)
    access = Access.of(replace(settings, token=TOKEN), address)
    assert access.knows_host("192.0.2.7:8501") and access.knows_host(socket.gethostname())
    assert not access.knows_host("evil.example")


def test_only_loopback_is_local():
    assert [is_local(address) for address in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", "192.0.2.7")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("token", "words"), [("short", "has 5 characters"), ("ein Schlüssel, der", "no header can carry")]
)
def test_a_token_is_long_and_plain(settings, token, words):
    with pytest.raises(SettingsError, match=words):
        Access.of(replace(settings, token=token), "127.0.0.1")


def test_a_new_token_is_made_and_never_shown_by_accident(settings):
    made = with_token(settings, "new")
    assert len(made.token) >= 32 and made.token not in repr(made)
    assert with_token(settings, "new").token != made.token
    assert with_token(settings, None) is settings and with_token(settings, TOKEN).token == TOKEN


def test_programs_send_the_token_as_a_header(settings):
    closed = replace(settings, token=TOKEN)
    answer = ask(closed)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "Authorization: Bearer TOKEN" in answer.json()["error"]
    assert ask(closed, headers={"authorization": f"Bearer {TOKEN}"}).text == "let in"
    for wrong in (f"Bearer {TOKEN}x", "Bearer", f"Basic {TOKEN}", TOKEN, "Bearer é"):
        assert ask(closed, headers={"authorization": wrong.encode()}).status_code == 401
    assert ask(closed, headers={"authorization": f"Bearer {TOKEN}", "host": "evil.example"}).status_code == 403
    assert websocket(closed, host="localhost") == "close"
    assert websocket(closed, host="localhost", authorization=f"Bearer {TOKEN}") == "accept"
    for path in ("/v2/health/live", "/api/v2/health/live", "/_stcore/health"):
        assert ask(closed, path).text == "let in"


def test_browsers_are_asked_and_remembered(settings):
    closed = replace(settings, token=TOKEN)
    html = {"accept": "text/html"}
    asked = ask(closed, "/lab/train?run=r1", headers=html)
    assert asked.status_code == 401 and '<form method="post">' in asked.text
    wrong = ask(closed, "/lab/train", method="POST", data={"token": "wrong"}, headers=html)
    assert wrong.status_code == 401 and "That isn't the token" in wrong.text
    by_link = ask(closed, f"/lab/train?run=r1&token={TOKEN}", headers=html)
    by_form = ask(closed, "/lab/train?run=r1", method="POST", data={"token": TOKEN}, headers=html)
    for answer in (by_link, by_form):
        assert (answer.status_code, answer.headers["location"]) == (303, "./train?run=r1")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly; SameSite=Lax" in cookie and TOKEN not in cookie
        kept = {"cookie": f"other=1; {cookie.partition(';')[0]}"}
        assert ask(closed, headers=kept).text == "let in"
        assert websocket(closed, host="localhost", **kept) == "accept"
        assert ask(replace(closed, token=TOKEN + "2"), headers=kept).status_code == 401
    assert ask(closed, f"/?token={TOKEN}", headers=html).headers["location"] == "./"
    assert ask(closed, "/x", method="POST", content=b"token=" + b"x" * 5000, headers=html).status_code == 401


def test_a_server_that_would_be_open_does_not_start(settings):
    config = uvicorn.Config(Gate(echo, settings), host="0.0.0.0", lifespan="on", log_config=None)
    with bind("127.0.0.1", 0) as listener, pytest.raises(SystemExit):
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def running(app):
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def proxy(prefix: str, inner: str) -> Starlette:
    """Pass requests below a prefix on without it, as JupyterLab's proxy does."""

    async def pass_on(request: Request) -> Response:
        async with httpx.AsyncClient() as client:
            headers = {name: value for name, value in request.headers.items() if name != "accept-encoding"}
            address = f"{inner}/{request.path_params['path']}" + (f"?{request.url.query}" if request.url.query else "")
            answer = await client.request(request.method, address, headers=headers, content=await request.body())
        passed = {name: value for name, value in answer.headers.items() if name not in ("date", "server")}
        return Response(answer.content, answer.status_code, passed)

    return Starlette(routes=[Route(prefix + "/{path:path}", pass_on, methods=["GET", "POST"])])


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium, or set WORKBENCH_CHROMIUM")
def test_the_documentation_calls_the_service_through_a_proxy_with_a_prefix(settings, model_packages):
    from playwright.sync_api import sync_playwright

    registry.publish(model_packages["passengers"], "passengers", settings=settings)
    service = Gate(create_app(settings), replace(settings, token=TOKEN))
    with running(service) as inner, running(proxy("/user/ann/proxy/8501", inner)) as outer, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{outer}/user/ann/proxy/8501/?token=wrong")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Open").click()
        page.wait_for_url(re.compile("/user/ann/proxy/8501/docs$"))
        section = page.locator("section", has=page.get_by_text("/predict/{model}", exact=True))
        section.locator("input[name=model]").fill("passengers")
        section.locator("textarea").fill('{"sex": "female", "age": 31, "pclass": 2, "alone": false}')
        section.get_by_role("button").click()
        section.get_by_text("HTTP 200").wait_for()
        assert '"model": "passengers"' in section.locator("pre").text_content()
        page.get_by_role("link", name="openapi.json").click()
        assert '"openapi":"3.1.0"' in page.content().replace(" ", "")
        browser.close()
