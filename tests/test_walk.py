"""A newcomer's walk in real Chromium: upload, prepare, train while watching, reload, explain, what-if, publish, call.

One server for the module, a real socket, a real worker; the app is killed and restarted while a run goes on.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import polars as pl
import pytest
from lab import jupyterlab

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("WORKBENCH_CHROMIUM") or shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENT = 90_000  # milliseconds: two cores may be busy with other tests

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt-get install chromium, or set WORKBENCH_CHROMIUM"),
]


class App:
    """The app in a process of its own, on folders of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.home = folder / "home"
        self.environment = {
            **os.environ,
            "WORKBENCH_HOME": str(self.home),
            "WORKBENCH_MODELS": str(folder / "models"),
        }
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workbench", "app", "--port", str(self.port)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.address}/_stcore/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise TimeoutError("the app didn't start")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    running = App(tmp_path_factory.mktemp("walk"))
    yield running
    running.kill()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(PATIENT)
    yield opened
    context.close()


def settle(page) -> None:
    """Wait until the script has run: the page says so itself."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=PATIENT)


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def title_is(page, title: str) -> None:
    page.get_by_role("heading", name=re.compile(rf"^{title}")).first.wait_for()
    settle(page)


def prepare_as_suggested(page, target: str) -> None:
    """Go from the Data page over target, suggested steps and preview to the Train page."""
    press(page, "Prepare this table")
    title_is(page, "Prepare")
    page.get_by_role("combobox", name=re.compile("^Target")).click()
    page.get_by_role("option", name=target, exact=True).click()
    page.get_by_text("Preview", exact=True).first.wait_for()
    settle(page)
    press(page, "Suggest")
    press(page, "Use these steps")
    page.get_by_text(re.compile(rf"{target} · [1-9]\d* steps")).first.wait_for()
    settle(page)
    press(page, "Train a model")
    title_is(page, "Train")


def titanic_csv(folder: Path) -> Path:
    import workbench as wb

    path = folder / "passengers.csv"
    wb.sample("titanic").frame().write_csv(path)
    return path


def test_from_an_upload_to_an_answer_over_http(app, page, browser, tmp_path):
    # Data: upload, and see what it is
    page.goto(f"{app.address}/data")
    title_is(page, "Data")
    page.locator("input[type=file]").first.set_input_files(titanic_csv(tmp_path))
    page.get_by_text("1,309", exact=True).first.wait_for()
    settle(page)
    prepare_as_suggested(page, "survived")

    # Train: a forest that takes a while, watched
    page.locator(".st-key-train-choose-random_forest button").click()
    page.get_by_role("heading", name=re.compile("Parameters of random forest")).wait_for()
    settle(page)
    trees = page.get_by_role("spinbutton", name=re.compile("n.estimators", re.IGNORECASE))
    trees.fill("3000")
    trees.press("Enter")
    settle(page)
    press(page, "Start training")
    page.get_by_role("button", name=re.compile("^Stop")).first.wait_for()
    run_id = re.search(r"run=([^&]+)", page.url)[1]
    page.get_by_text(re.compile(r"[1-9][\d,]* of 3,000")).first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()

    # Reload in the middle: the same run, still going
    page.reload()
    page.get_by_text(run_id).first.wait_for()
    page.get_by_text(re.compile(r"[1-9][\d,]* of 3,000")).first.wait_for()

    # A second browser sees it, too, and so does the app after it was killed and restarted
    second = browser.new_context().new_page()
    second.set_default_timeout(PATIENT)
    second.goto(page.url)
    second.get_by_text(run_id).first.wait_for()
    second.context.close()
    app.kill()
    app.start()
    page.goto(f"{app.address}/train?run={run_id}")
    page.get_by_role("button", name="Evaluate", exact=True).first.wait_for(timeout=240_000)
    press(page, "Evaluate")

    # Evaluate: the number that matters, with its interval, and the pictures
    title_is(page, "Evaluate")
    page.get_by_text("ROC AUC").first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()

    # Models: publish
    page.goto(f"{app.address}/models?run={run_id}")
    title_is(page, "Models")
    name = page.get_by_role("textbox", name=re.compile("^Name of the model"))
    name.fill("walked")
    name.press("Tab")
    page.get_by_text("A new model: its first version answers requests at once.").wait_for()
    press(page, "Publish and make live")
    page.get_by_text(re.compile("walked v1")).first.wait_for()
    settle(page)

    # Explain
    page.goto(f"{app.address}/explain?model=walked")
    title_is(page, "Explain")
    press(page, "Explain 100 rows")
    page.get_by_text(re.compile("[Aa]dditivity")).first.wait_for(timeout=240_000)
    page.locator(".js-plotly-plot").nth(1).wait_for()

    # Predict: what if she were a man?
    page.goto(f"{app.address}/predict?model=walked")
    title_is(page, "Predict")
    page.locator(".js-plotly-plot").first.wait_for()
    before = probability(page)
    sex = page.get_by_role("combobox", name=re.compile("^sex"))
    sex.click()
    chosen = "female" if "male" == sex.input_value() else "male"
    page.get_by_role("option", name=chosen, exact=True).click()
    deadline = time.monotonic() + 30
    while probability(page) == before and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert probability(page) != before

    # The API answers on the same port
    columns = httpx.get(f"{app.address}/api/v2/models/walked").json()["inputs"]
    row = {entry["name"]: "female" if entry["datatype"] == "BYTES" else 1 for entry in columns}
    answer = httpx.post(f"{app.address}/api/predict/walked", json={"rows": [row]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"][0]["prediction"] in (0, 1)


def test_a_live_page_moves_outlives_the_app_and_ends_by_itself(app, page):
    """All in one page that is never reloaded."""
    import workbench as wb

    settings = wb.Settings(home=app.home, models=app.home.parent / "models", warm_worker="off")
    table = wb.sample("titanic", settings=settings)
    run = wb.start(
        {
            "name": "long",
            "data": {"source": "titanic", "target": "survived"},
            "recipe": wb.suggest_recipe(table, target="survived", estimator="dense_network").steps,
            "estimator": {"name": "dense_network"},
            "training": {"epochs": 100_000, "early_stopping": None},
        },
        settings=settings,
    )
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{app.address}/train?run={run.id}")
    counted_beyond(page, 0)
    page.locator(".js-plotly-plot").first.wait_for()
    settle(page)
    page.evaluate("window.neverReloaded = true")
    drawn = points(page)
    counted_beyond(page, counted_beyond(page, 0))
    page.wait_for_function("n => document.querySelector('.wb-live-chart').data[0].x.length > n", arg=drawn)
    assert page.evaluate(
        "(() => { const chart = document.querySelector('.wb-live-chart')\n"
        "return chart._fullLayout.xaxis.range[1] >= chart.data[0].x.at(-1) })()"
    ), "the axis grows with the curve"

    by_step = page.get_by_role("radio", name="By step", exact=True)
    page.get_by_role("radio", name="By time", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.wb-live-chart').layout.xaxis.title.text === 'step'")
    assert by_step.get_attribute("aria-checked") == "true"

    before = counted_beyond(page, 0)
    app.kill()
    app.start()
    counted_beyond(page, before)

    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text(f"{run.id} · stopped").first.wait_for()
    page.get_by_role("button", name="Resume", exact=True).first.wait_for()
    assert page.evaluate("window.neverReloaded")
    assert problems == []
    assert run.wait(60).metrics()["test"]


def visits(folder: Path) -> Path:
    """Write what real tables have beside numbers: a date, a time with a zone, ordered words, codes, long numbers."""
    n = 400
    start = datetime(2024, 6, 28, tzinfo=ZoneInfo("UTC"))
    frame = pl.DataFrame(
        {
            "visited": [start + timedelta(minutes=37 * i) for i in range(n)],
            "booked": [date(2024, 1, 1) + timedelta(days=i * 7 % 180) for i in range(n)],
            "size": [("small", "medium", "large")[i * 5 % 3] for i in range(n)],
            "gate": [f"PAL07{i * 11 % 8:02}" for i in range(n)],
            "account": [2**60 + i for i in range(n)],
        },
        schema_overrides={"size": pl.Enum(["small", "medium", "large"])},
    ).with_columns(pl.col("visited").dt.convert_time_zone("Europe/Berlin"))
    # At night in Berlin, or large: in UTC the hours would be others.
    late = (pl.col("visited").dt.hour() < 6) | (pl.col("size") == "large")
    frame = frame.with_columns(late=pl.when(late).then(pl.lit("yes")).otherwise(pl.lit("no")))
    frame.write_parquet(folder / "visits.parquet")
    return folder / "visits.parquet"


# Half past midnight on 1 July in Berlin, said in three ways: by its own clocks, with an offset, in UTC.
NIGHT = ("2024-07-01T00:30", "2024-07-01T00:30+02:00", "2024-06-30T22:30Z")
CELL = """import urllib.request, json
import workbench as wb

table = wb.read_table({path!r}, target="late")
run = wb.train(wb.open_run({run_id!r}).spec)
version = wb.publish(run, "visits")
wb.promote("visits", version.number)
rows = {rows!r}
asked = urllib.request.Request({address!r} + "/api/predict/visits", json.dumps({{"rows": rows}}).encode(),
                               {{"content-type": "application/json"}})
served = [row["prediction"] for row in json.load(urllib.request.urlopen(asked))["predictions"]]
print("served", table.orders, version.number, served == wb.load_model("visits").predict(rows).tolist(), served)
"""


def test_dates_zones_ordered_words_and_codes_from_an_upload_to_a_served_answer(app, page, tmp_path):
    import workbench as wb

    path = visits(tmp_path)
    page.goto(f"{app.address}/data")
    title_is(page, "Data")
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_text("400", exact=True).first.wait_for()
    settle(page)
    page.get_by_role("tab", name="Columns").click()
    settle(page)
    page.locator(".js-plotly-plot").nth(4).wait_for()
    assert page.locator("[data-testid=stException]").count() == 0

    prepare_as_suggested(page, "late")
    press(page, "Start training")
    page.wait_for_url(re.compile("run="))
    run_id = re.search(r"run=([^&]+)", page.url)[1]
    page.get_by_role("button", name="Evaluate", exact=True).first.wait_for(timeout=240_000)

    settings = wb.Settings(home=app.home, models=app.home.parent / "models", warm_worker="off")
    run = wb.open_run(run_id, settings=settings)
    steps = {step.step: step for step in run.spec.recipe}
    assert "ordinal" in steps and "size" in steps["ordinal"].columns
    assert "convert" not in steps and "gate" in steps["one_hot"].columns
    assert run.metrics()["test"]["accuracy"] > 0.95

    page.goto(f"{app.address}/models?run={run_id}")
    title_is(page, "Models")
    name = page.get_by_role("textbox", name=re.compile("^Name of the model"))
    name.fill("visits")
    name.press("Tab")
    page.get_by_role("button", name=re.compile("^Publish")).first.click()
    page.get_by_text(re.compile("visits v1")).first.wait_for()
    page.goto(f"{app.address}/predict?model=visits")
    title_is(page, "Predict")
    page.locator(".js-plotly-plot").first.wait_for()
    size = page.get_by_role("combobox", name=re.compile("^size"))
    size.click()
    shown = page.get_by_role("option").all_inner_texts()
    assert [word for word in shown if word in ("small", "medium", "large")] == ["small", "medium", "large"]
    assert page.locator("[data-testid=stException]").count() == 0

    given = {"booked": "2024-03-01", "size": "small", "gate": "PAL0703", "account": 2**60 + 5}
    rows = [given | {"visited": night} for night in NIGHT]
    rows.append(given | {"visited": "2024-07-01T12:30"})
    answer = httpx.post(f"{app.address}/api/predict/visits", json={"rows": rows})
    assert answer.status_code == 200, answer.text
    assert [row["prediction"] for row in answer.json()["predictions"]] == ["yes", "yes", "yes", "no"]

    # The same in JupyterLab: the run's spec trained anew, published as the next version, asked over the app's API.
    cell = CELL.format(path=str(path), run_id=run_id, rows=rows, address=app.address)
    with jupyterlab(tmp_path / "lab", settings, [cell]) as address:
        page.goto(address)
        page.get_by_text("| Idle").first.wait_for()
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        said = page.locator(".jp-OutputArea-output").filter(has_text="served {").last
        said.wait_for(timeout=240_000)
        orders = "{'size': ('small', 'medium', 'large')}"
        assert said.inner_text().strip() == f"served {orders} 2 True ['yes', 'yes', 'yes', 'no']"


def counted_beyond(page, n: int) -> int:
    """Wait until a run has counted more than `n` epochs; give how many."""
    counted = "Number(document.querySelector('.wb-live-value')?.textContent.split(' of ')[0].replaceAll(',', ''))"
    page.wait_for_function(f"n => {counted} > n", arg=n)
    return page.evaluate(counted)


def points(page) -> int:
    return page.evaluate("document.querySelector('.wb-live-chart').data[0].x.length")


def probability(page) -> str:
    text = page.get_by_text(re.compile(r"probability \d")).first
    text.wait_for()
    return text.inner_text()


def test_a_digit_drawn_by_dragging_the_pen_is_read(app, page):
    shutil.copytree(ROOT / "models" / "digits", app.home.parent / "models" / "digits", dirs_exist_ok=True)
    page.goto(f"{app.address}/predict?model=digits")
    title_is(page, "Predict")
    page.get_by_role("combobox", name=re.compile("^Start from")).click()
    page.get_by_role("option", name="An empty image", exact=True).click()
    page.get_by_text("Centre and scale as the training images are").wait_for()
    settle(page)
    sheet = page.get_by_role("application", name="An image to draw, 8 by 8 pixels").last
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    for line in ([(0.5, 0.2), (0.3, 0.55), (0.72, 0.55)], [(0.6, 0.4), (0.6, 0.85)]):
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in line]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=8)
        page.mouse.up()
    page.get_by_role("heading", name="4", exact=True).wait_for()
    page.get_by_role("button", name="Clear", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="4", exact=True).wait_for(state="detached")

    # By keyboard: Space puts the pen down, the arrows draw, Space lifts it: a line from top to bottom is a 1
    sheet.focus()
    for key in (["ArrowUp"] * 6, ["Space"], ["ArrowDown"] * 12, ["Space"]):
        for pressed in key:
            page.keyboard.press(pressed)
    page.get_by_role("heading", name="1", exact=True).wait_for()


@pytest.mark.parametrize("place", ["", "data", "prepare", "train", "evaluate", "explain", "predict", "models"])
@pytest.mark.parametrize("width", [1400, 420])
def test_every_page_opens_first_without_an_error(app, browser, place, width):
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENT)
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(
        f"{app.address}/{place}?table=no-such-table&run=no-such-run&model=no-such-model" if place else app.address
    )
    title_is(page, place.capitalize() or "Home")
    assert page.locator("[data-testid=stException]").count() == 0
    assert problems == []
    # nothing sticks out sideways
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    context.close()
