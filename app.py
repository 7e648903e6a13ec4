"""The whole application, on one port (``streamlit run app.py``).

Pages at ``/``, the prediction service at ``/api``, the numbers of runs that go on at ``/live``.
"""

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount

from workbench.service import create_app
from workbench.service.access import Gate
from workbench.service.app import answer_nobody, mounted
from workbench.service.connections import BoundConnections
from workbench.settings import current
from workbench.ui.live_routes import create_feed

# The script lies outside the folder that holds pages/: beside it, Streamlit's old auto-discovery would take over on
# a fresh server's first deep link, and the sections of st.navigation would be gone.
SHELL = Path(__file__).resolve().parent / "workbench" / "ui" / "shell.py"

# What the pages fit themselves (previews, leak comparisons) uses OpenMP, whose idle threads would spin and take cores
# from the runs; OpenMP reads this when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

settings = current()
base = (st.get_option("server.baseUrlPath") or "").strip("/")  # the pages lie below it, and ask for what is beside them
prefix = f"/{base}" if base else ""
feed, service = create_feed(), create_app()
routes = [
    Mount(f"{prefix}/live", app=feed),
    *mounted(f"{prefix}/api", service),
    *(mounted("/api", service) if base else []),
]
app = st.App(
    SHELL,
    routes=routes,
    middleware=[Middleware(BoundConnections, settings=settings), Middleware(Gate, settings=settings)],
    exception_handlers={ClientDisconnect: answer_nobody},  # who leaves in the middle of an upload leaves no traceback
)
