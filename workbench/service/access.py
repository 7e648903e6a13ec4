"""Who may ask: requests for a known host, from its own pages, and with the token where other machines can reach it.

A page of another site can't read our answers, but it can send requests to an address that the visitor's browser
reaches, and with a host name that suddenly means 127.0.0.1 (DNS rebinding) it reads them, too. Such a request still
names that host, and the site that sent it.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from workbench.errors import SettingsError
from workbench.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MIN_TOKEN = 16  # characters; 16 random ones can't be guessed over a network
NEW_TOKEN = "new"  # noqa: S105 - no token but the word that asks for one
_HEALTH = ("/v2/health/live", "/_stcore/health")  # tell a load balancer that the process lives, and nothing else
_MAX_FORM = 4096
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:4rem auto;"
    "padding:0 1rem}input,button{font:inherit;padding:.3rem .6rem}p[role=alert]{color:#D55E00}"
)


@dataclass(frozen=True)
class Access:
    """Who may ask a server.

    Parameters
    ----------
    hosts : tuple of str
        Further names of the server, as ``lab.example.org`` or ``*.example.org``; ``*`` allows every name.
    address : str
        What the server listens on.
    token : str
        What every request has to carry; empty where none is needed.
    """

    hosts: tuple[str, ...] = ()
    address: str = "127.0.0.1"
    token: str = ""

    @classmethod
    def of(cls, settings: Settings, address: str) -> Access:
        """Take it from the settings and the address to listen on.

        Raises
        ------
        SettingsError
            If other machines can reach the address and no token is set, or the token is too short.
        """
        hosts = tuple(part.strip().lower().rstrip(".") for part in settings.allowed_hosts.split(",") if part.strip())
        if not settings.token.isascii() or any(character.isspace() for character in settings.token):
            raise SettingsError(
                "The token has characters that no header can carry. Choose one of plain letters and digits."
            )
        if settings.token and len(settings.token) < MIN_TOKEN:
            raise SettingsError(
                f"The token has {len(settings.token)} characters, and fewer than {MIN_TOKEN} can be guessed. Choose a "
                f"longer WORKBENCH_TOKEN, or let one be made: --token {NEW_TOKEN}."
            )
        if not settings.token and not is_local(address):
            raise SettingsError(
                f"On {address or 'all addresses'} everyone who reaches this machine could use the workbench, and no "
                f"token is set. Set WORKBENCH_TOKEN to a secret of at least {MIN_TOKEN} characters, or let one be made "
                f"with --token {NEW_TOKEN}; or listen on 127.0.0.1."
            )
        return cls(hosts, address, settings.token)

    def knows_host(self, header: str) -> bool:
        """Say whether a ``Host`` header names this server."""
        name = _host_name(header)
        if name is None:
            return False
        if name in ("localhost", self.address.lower()) or name.endswith(".localhost") or self._lists(name):
            return True
        if _is_ip(name):
            # Without a name there is no DNS that could lie; but a server for this machine alone has no other address.
            return ipaddress.ip_address(name).is_loopback or not self._is_local
        return not self._is_local and name in _own_names()

    def knows_origin(self, origin: str, host: str) -> bool:
        """Say whether a page of this origin may ask: one of the server itself, or of a host in the list."""
        try:
            parts = urlsplit(origin)
            name = parts.hostname
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not name:
            return False
        return parts.netloc.lower() == host.lower() or self._lists(name)

    def knows_token(self, given: str) -> bool:
        """Compare in a time that tells nothing."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def knows_cookie(self, given: str) -> bool:
        """Compare what a browser got for the token."""
        return hmac.compare_digest(given.encode(), self.cookie.encode())

    @property
    def cookie(self) -> str:
        """What a browser keeps in place of the token."""
        return hmac.new(self.token.encode(), b"workbench browser", sha256).hexdigest()

    @property
    def cookie_name(self) -> str:
        """Another one for another token: cookies don't know ports."""
        return f"workbench-{sha256(self.cookie.encode()).hexdigest()[:12]}"

    @cached_property
    def _is_local(self) -> bool:
        return is_local(self.address)

    def _lists(self, name: str) -> bool:
        return any(
            pattern == "*" or name == pattern or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in self.hosts
        )


def with_token(settings: Settings, given: str | None) -> Settings:
    """Give the settings with a token from the command line: this one, or a new one where the word is ``new``."""
    if given is None:
        return settings
    return replace(settings, token=token_urlsafe(24) if given == NEW_TOKEN else given)


def served_address(receive: Receive) -> str | None:
    """Give the address that uvicorn listens on, from what it hands an application at its start."""
    config = getattr(getattr(receive, "__self__", None), "config", None)
    host = getattr(config, "host", None)
    return host if isinstance(host, str) else None


def is_local(address: str) -> bool:
    """Say whether only this machine reaches an address to listen on; an empty one means all addresses."""
    if not address:
        return False
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(address, None)}
        return bool(found) and all(ipaddress.ip_address(str(one).partition("%")[0]).is_loopback for one in found)
    except (OSError, ValueError):
        return False


def _host_name(header: str) -> str | None:
    try:
        parts = urlsplit(f"//{header}")
        name, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if not name or parts.netloc != header or "@" in header:
        return None
    return name.rstrip(".")


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, f"{name.partition('.')[0]}.local"}


class Gate:
    """Middleware that lets in who may ask, over HTTP and WebSockets.

    Parameters
    ----------
    app : ASGI application
    settings : Settings
    address : str
        What the server listens on; where uvicorn says so at its start, that counts. A server that mustn't start, for
        want of a token, is then stopped with the reason.
    """

    def __init__(self, app: ASGIApp, settings: Settings, address: str = "127.0.0.1") -> None:
        self.app = app
        self.settings = settings
        self.address = address
        # What is asked thousands of times a second is looked up instead of parsed.
        self._hosts: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if scope["type"] == "lifespan":
            self.address = served_address(receive) or self.address
            try:
                Access.of(self.settings, self.address)
            except SettingsError as error:
                await receive()
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        origins = [value for name, value in headers if name == b"origin"]
        refusal = self._refusal(hosts, origins)
        if refusal:
            await _refuse(scope, receive, send, 403, refusal)
        elif self.access.token and not scope["path"].endswith(_HEALTH) and not self._is_let_in(headers):
            await self._ask_for_token(scope, receive, send)
        else:
            if origins and scope["type"] == "websocket":
                # Streamlit would compare it with the host once more, with a list of its own; it has been judged here.
                ours = (b"origin", b"http://" + hosts[0] if hosts else origins[0])
                scope = {**scope, "headers": [*(entry for entry in headers if entry[0] != b"origin"), ours]}
            await self.app(scope, receive, send)

    @cached_property
    def access(self) -> Access:
        """Who may ask; known once the server knows its address."""
        return Access.of(self.settings, self.address)

    def _refusal(self, hosts: list[bytes], origins: list[bytes]) -> str:
        if len(hosts) > 1 or len(origins) > 1:
            return "The request has several Host or Origin headers. Send each once."
        host = hosts[0] if hosts else b""
        if hosts and not self._is_known(host):
            return (
                f"The host {_shown(host)} isn't one that this workbench answers for. If it is one of its names, add it "
                "to WORKBENCH_ALLOWED_HOSTS and start the workbench again."
            )
        if origins and not self.access.knows_origin(origins[0].decode("latin-1"), host.decode("latin-1")):
            return (
                f"Pages of {_shown(origins[0])} may not ask this workbench, which is {_shown(host)}. If they may, add "
                "their host to WORKBENCH_ALLOWED_HOSTS and start the workbench again."
            )
        return ""

    def _is_known(self, host: bytes) -> bool:
        known = self._hosts.get(host)
        if known is None:
            known = self.access.knows_host(host.decode("latin-1"))
            if len(self._hosts) < 100:
                self._hosts[host] = known
        return known

    def _is_let_in(self, headers: list[tuple[bytes, bytes]]) -> bool:
        for name, value in headers:
            if name == b"authorization":
                scheme, _, given = value.decode("latin-1").partition(" ")
                if scheme.lower() == "bearer" and self.access.knows_token(given.strip()):
                    return True
            elif name == b"cookie":
                for part in value.decode("latin-1").split(";"):
                    key, _, given = part.strip().partition("=")
                    if key == self.access.cookie_name and self.access.knows_cookie(given):
                        return True
        return False

    async def _ask_for_token(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await _refuse(scope, receive, send, 401, "")
            return
        request = Request(scope, receive)
        given = None
        if request.method == "GET":
            given = request.query_params.get("token")
        elif request.method == "POST" and request.headers.get("content-type", "").startswith(_FORM):
            given = await _token_of_form(request)
        if given is not None and self.access.knows_token(given):
            await self._welcome(request)(scope, receive, send)
        elif "text/html" in request.headers.get("accept", ""):
            await HTMLResponse(_page(wrong=given is not None), 401, _NOT_KEPT)(scope, receive, send)
        else:
            words = "This workbench asks for its token. Send it as a header: Authorization: Bearer TOKEN."
            await _refuse(scope, receive, send, 401, words)

    def _welcome(self, request: Request) -> Response:
        """Send a browser with the right token back to the same page, without the token in its address."""
        query = urlencode([(key, value) for key, value in request.query_params.multi_items() if key != "token"])
        # Relative, and a cookie without a path: a proxy may have taken a prefix off that only the browser knows.
        location = "./" + quote(request.url.path.rpartition("/")[2]) + (f"?{query}" if query else "")
        secure = "; Secure" if request.url.scheme == "https" else ""
        cookie = f"{self.access.cookie_name}={self.access.cookie}; HttpOnly; SameSite=Lax; Max-Age=2592000{secure}"
        return Response(status_code=303, headers={**_NOT_KEPT, "Location": location, "Set-Cookie": cookie})


_FORM = "application/x-www-form-urlencoded"
# With "no-referrer" browsers send a form's origin as null, which is refused.
_NOT_KEPT = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


async def _token_of_form(request: Request) -> str | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            return None
    return dict(parse_qsl(body.decode("latin-1"))).get("token")


def _page(*, wrong: bool) -> str:
    said = '<p role="alert">That isn\'t the token.</p>' if wrong else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Workbench</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>Workbench</h1>'
        "<p>This workbench asks for its token. Whoever started it has it: it was printed, or stands in "
        f'<code>WORKBENCH_TOKEN</code>.</p>{said}<form method="post"><label>Token <input name="token" type="password" '
        'autocomplete="current-password" required autofocus></label> <button>Open</button></form></body></html>'
    )


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    response = Response(json.dumps({"error": words}), status, headers, media_type="application/json")
    await response(scope, receive, send)


def _shown(value: bytes) -> str:
    return repr(value.decode("latin-1")[:100]) if value else "unknown"
