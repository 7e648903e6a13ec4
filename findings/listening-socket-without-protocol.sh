#!/bin/sh
# One expects a server on a socket of one's own, socket.socket(AF_INET, SOCK_STREAM), to behave as on the one that
# asyncio makes: the same family, the same type, the same port.
# In fact its kept connections are slow. asyncio switches Nagle's algorithm off (TCP_NODELAY) only where the accepted
# socket says protocol 6, and accepted sockets take the listening one's protocol: 0 where it was not named. An answer in
# two writes then waits about 40 ms for the client's delayed acknowledgement, from the second request of a connection on.
# uvloop switches it off on both. So `uvicorn.Server.run(sockets=[...])`, which is how a port is chosen before start-up,
# is far slower on asyncio (44 ms a request where it could be 0.3), and a benchmark with a new connection for each
# request never sees it.
#
# Versions: uvicorn 0.54.0, uvloop 0.23.0 (Python 3.11). Date: 2026-12-01. Output seen:
#   asyncio, protocol not named: TCP_NODELAY 0
#   asyncio, IPPROTO_TCP:        TCP_NODELAY 1
#   uvloop, protocol not named:  TCP_NODELAY 1
#   uvloop, IPPROTO_TCP:         TCP_NODELAY 1
# Exits with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install uvicorn==0.54.0 uvloop==0.23.0
cat > "$folder/look.py" <<'PYTHON'
import http.client
import socket
import sys
import threading
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

seen = []


class Looking(H11Protocol):
    def connection_made(self, transport):
        super().connection_made(transport)
        accepted = transport.get_extra_info("socket")
        seen.append(bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


for loop in ("asyncio", "uvloop"):
    for words, protocol in (("protocol not named:", 0), ("IPPROTO_TCP:", socket.IPPROTO_TCP)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, loop=loop, http=Looking, lifespan="off", log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        client = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1])
        client.request("GET", "/")
        assert client.getresponse().read() == b"ok"
        client.close()
        server.should_exit = True
        thread.join()
        print(f"{loop}, {words:19} TCP_NODELAY {int(seen[-1])}")
sys.exit(seen != [False, True, True, True])
PYTHON
"$folder/venv/bin/python" "$folder/look.py"
