"""From the start of the process to the first page in a browser, against a trivial three-page Streamlit app."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import CHROMIUM_ARGUMENTS, ROOT, chromium, free_port, in_turn, report, server

TITLE = "Seconds from start to the first page (Home, in Chromium)"

TRIVIAL = """
import streamlit as st

def one():
    st.title("First page")

def two():
    st.title("Second page")

def three():
    st.title("Third page")

st.navigation([st.Page(one), st.Page(two), st.Page(three)]).run()
"""


def main() -> None:
    """Print the seconds of both."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "trivial.py").write_text(TRIVIAL)
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)

        def trivial() -> float:
            port = free_port()
            options = ["--server.port", str(port), "--server.headless", "true", "--browser.gatherUsageStats", "false"]
            return first_text(
                [sys.executable, "-m", "streamlit", "run", "trivial.py", *options], port, folder, "First page"
            )

        def workbench() -> float:
            port = free_port()
            command = [sys.executable, "-m", "workbench", "app", "--port", str(port)]
            return first_text(command, port, ROOT, "Home", WORKBENCH_HOME=str(folder / "home"))

        def first_text(command: list[str], port: int, where: Path, text: str, **environment: str) -> float:
            started = time.perf_counter()
            with server(command, port, folder=where, **environment):
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{port}/")
                page.get_by_role("heading", name=text, exact=True).first.wait_for(timeout=60_000)
                taken = time.perf_counter() - started
                page.close()
            return taken

        report(in_turn({"trivial app": trivial, "workbench": workbench}, rounds=5), against="trivial app")
        browser.close()
