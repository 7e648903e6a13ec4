"""The service alone, without the app."""

from __future__ import annotations

import os
import socket

from workbench.errors import SettingsError
from workbench.settings import Settings, current


def serve(*, host: str | None = None, port: int | None = None, settings: Settings | None = None) -> None:
    """Answer requests until interrupted.

    Parameters
    ----------
    host : str, optional
        ``settings.host`` when absent.
    port : int, optional
        One above ``settings.port`` when absent; 0 takes a free one, which is printed.

    Raises
    ------
    SettingsError
        If the address can't be used, or other machines can reach it and ``settings.token`` is empty.
    """
    import uvicorn

    from workbench.service.access import Access, Gate
    from workbench.service.app import create_app
    from workbench.service.connections import BACKLOG, BoundedServer, bounded

    settings = settings or current()
    host = host or settings.host
    Access.of(settings, host)
    app = Gate(create_app(settings), settings, host)
    listener = bind(host, settings.port + 1 if port is None else port)
    config = uvicorn.Config(
        app,
        http=bounded(settings),  # type: ignore[arg-type]
        backlog=BACKLOG,
        log_level="info",
        access_log=False,
        lifespan="off",
    )
    try:
        BoundedServer(config).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn raises it again after a clean end
        pass
    finally:
        listener.close()


def bind(host: str, port: int) -> socket.socket:
    """Take an address, before anything slow is loaded.

    Raises
    ------
    SettingsError
        If it is in use or not of this machine.
    """
    listener = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio sets TCP_NODELAY on connections only where the protocol is named.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name != "nt":  # on Windows it would let two servers take one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        if listener is not None:
            listener.close()
        raise SettingsError(
            f"Got the address {host}:{port}, which can't be used: {error}. Choose another with --host and --port, "
            "or end what runs there."
        ) from error
    return listener
