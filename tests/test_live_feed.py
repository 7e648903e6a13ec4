"""What a live view asks for: numbers and curves of a run that goes on, drawn once for all who look."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import shutil
import time

import httpx
import pytest

from workbench import storage
from workbench.plots import live_curves
from workbench.training.history import HARDWARE, HistoryWriter
from workbench.training.listing import open_run
from workbench.training.liveness import process_created
from workbench.training.spec import RunSpec
from workbench.training.state import RunState, this_host, write_state
from workbench.ui import live_feed
from workbench.ui.live_feed import Feed
from workbench.ui.live_routes import create_feed


def going_on(settings, run_id="net-1a2b", **changes):
    """Write the folder of a run whose worker is this process."""
    folder = settings.runs / run_id
    folder.mkdir(parents=True, exist_ok=True)
    spec = RunSpec(name="net", data={"source": "iris", "target": "species"}, estimator={"name": "dense_network"})
    storage.write_json(folder / "spec.json", spec.to_dict())
    now = time.time()
    worker = {"pid": os.getpid(), "pid_created": process_created(), "host": this_host()}
    values = {"status": "running", "created": now, "started": now, "heartbeat": now, "progressed": now, **worker}
    write_state(folder, RunState(**values | changes))
    return open_run(run_id, settings=settings)


def log(run, n, first=1):
    writer = HistoryWriter(run.folder)
    for step in range(first, first + n):
        writer.append(step, float(step), {"loss": 1 / step, "val_loss": 1.2 / step})
    storage.append_json_line(run.folder / HARDWARE, {"time": time.time(), "cpu_percent": 40.0, "memory_mib": 900.0})


def looked(feed, by="time", seen=""):
    body, again = feed.look(by, seen)
    return json.loads(gzip.decompress(body)), again


@pytest.fixture
def clock(monkeypatch):
    """Time that stands still until it is told to go on."""
    now = [1_000.0]
    monkeypatch.setattr(live_feed.time, "monotonic", lambda: now[0])
    return now


def test_numbers_and_curves_are_those_of_the_run(settings):
    run = going_on(settings, phase="training", step=3, total=12, unit="epoch")
    log(run, 3)
    news, again = looked(Feed(run))
    assert news["cards"][0] == {"label": "Epoch", "value": "3 of 12", "help": None}
    assert (news["progress"], news["text"], news["warning"]) == (0.25, "Training, 25%", None)
    drawn = live_curves(run.history(), run.hardware(), started=run.state.started, focus=False)
    assert [trace["name"] for trace in news["figure"]["data"]] == [trace.name for trace in drawn.data]
    assert news["figure"]["data"][0]["y"] == pytest.approx([1, 1 / 2, 1 / 3])
    assert news["figure"]["layout"]["meta"]["alt"] == drawn.layout.meta["alt"]
    assert "range" not in news["figure"]["layout"]["xaxis"], "Plotly would keep it when the curve grows"
    assert 0 < again < 2


def test_curves_that_were_seen_are_not_sent_again_and_new_points_are(settings, clock):
    run = going_on(settings)
    log(run, 3)
    feed = Feed(run)
    first, _ = looked(feed)
    assert looked(feed, seen=first["stamp"])[0]["figure"] is None
    assert looked(feed, by="step", seen=first["stamp"])[0]["figure"] is not None, "another axis is another picture"
    log(run, 2, first=4)
    assert looked(feed, seen=first["stamp"])[0]["figure"] is None, "drawn once a tick, however many ask"
    clock[0] += live_feed.TICK_SECONDS
    then, _ = looked(feed, seen=first["stamp"])
    assert len(then["figure"]["data"][0]["x"]) == 5
    assert then["stamp"] != first["stamp"]


def test_all_who_ask_within_a_tick_get_the_same_bytes_and_nothing_is_read(settings, clock, monkeypatch):
    run = going_on(settings)
    log(run, 3)
    feed = Feed(run)
    assert feed.ready("time", "") is None, "nothing is at hand yet"
    body, _ = feed.look("time", "")
    monkeypatch.setattr(type(run), "history", lambda self: pytest.fail("read anew"))
    for _ in range(10):
        assert feed.ready("time", "")[0] is body
        assert feed.look("time", "")[0] is body
    clock[0] += live_feed.TICK_SECONDS
    assert feed.ready("time", "") is None, "what is at hand is too old"


def test_curves_of_very_many_points_are_drawn_less_often(settings, monkeypatch):
    run = going_on(settings, created=time.time() - 3600)
    log(run, 20)
    monkeypatch.setattr(live_feed, "_LONG", 10)
    spent = iter([0.0, 0.5])
    monkeypatch.setattr(live_feed.time, "thread_time", lambda: next(spent))
    assert looked(Feed(run))[1] > 5


def test_a_run_that_just_began_is_looked_at_more_often(settings):
    assert looked(Feed(going_on(settings, "new-1")))[1] < 0.2
    old = going_on(settings, "old-1", created=time.time() - 3600)
    assert looked(Feed(old))[1] > 1


def test_the_page_is_told_when_what_it_shows_besides_has_changed(settings, clock):
    run = going_on(settings, created=time.time() - 60)
    log(run, 1)
    feed = Feed(run)
    before, _ = looked(feed)
    assert before["page"] == live_feed.page_mark(run, run.state)
    log(run, 1, first=2)
    clock[0] += 2
    assert looked(feed)[0]["page"] == before["page"], "new points are no reason"
    run.stop()
    clock[0] += 2
    asked, _ = looked(feed)
    assert asked["page"] != before["page"]
    assert asked["text"].startswith("Stopping")
    going_on(settings, status="stopped", ended=time.time(), reason="Stopped.")
    clock[0] += 2
    ended, again = looked(feed)
    assert ended["page"] != asked["page"]
    assert again == 0, "there is nothing to ask for any more"


def test_a_worker_without_a_sign_of_life_is_told_in_two_parts(settings):
    silent = time.time() - 60
    run = going_on(settings, heartbeat=silent, progressed=silent)
    title, advice = looked(Feed(run))[0]["warning"]
    assert "no sign of life" in title
    assert advice.startswith("Wait, or stop")


def test_a_waiting_run_says_for_what_and_has_no_curves(settings):
    run = going_on(settings, status="queued", started=None, waiting_for="Waits for run other-1 to end.")
    news, _ = looked(Feed(run))
    assert news["figure"] is None
    assert news["text"] == "Waits for run other-1 to end."
    assert news["cards"][0]["value"] == "waiting"


def test_a_run_that_is_being_packaged_has_its_metrics_already(settings):
    run = going_on(settings, phase="packaging", step=3, total=3, unit="tree")
    report = {"format_version": 1, "splits": {"test": {"n_rows": 4, "metrics": {"accuracy": 0.75}}}}
    run.report_folder.mkdir()
    storage.write_json(
        run.report_folder / "report.json",
        report | {"task": "classification", "classes": ["a", "b", "c"], "target": "y"},
    )
    assert looked(Feed(run))[0]["cards"][2] == {"label": "accuracy, test", "value": "0.75", "help": None}


def test_what_a_sample_could_not_read_is_a_gap(settings):
    run = going_on(settings)
    log(run, 2)
    now = time.time()
    for seconds, cpu in ((1, None), (2, 60.0)):
        storage.append_json_line(run.folder / HARDWARE, {"time": now + seconds, "cpu_percent": cpu, "memory_mib": 9.0})
    lines = {line["name"]: line["y"] for line in looked(Feed(run))[0]["figure"]["data"]}
    assert lines["all cores"] == [40.0, None, 60.0]


async def asked(path):
    transport = httpx.ASGITransport(app=create_feed())
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.get(path)


def ask(path):
    return asyncio.run(asked(path))


def test_over_http(settings):
    run = going_on(settings, "http-1")
    log(run, 2)
    for _ in range(2):  # drawn, then at hand
        answer = ask(f"/runs/{run.id}?by=step&seen=")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert float(answer.headers["again-in"]) > 0
        assert answer.json()["figure"]["layout"]["xaxis"]["title"]["text"] == "step"
    time.sleep(0.5)
    run.report_folder.mkdir()
    (run.report_folder / "report.json").write_text("{")
    damaged = ask(f"/runs/{run.id}")
    assert (damaged.status_code, "report.json" in damaged.json()["detail"]) == (503, True)
    shutil.rmtree(run.folder)
    assert ask(f"/runs/{run.id}").status_code == 404


@pytest.mark.parametrize("run_id", ["none", "..%2F..%2Fetc", ".", "%00", "a" * 300])
def test_what_is_no_run_is_refused(settings, run_id):
    assert ask(f"/runs/{run_id}").status_code == 404


def test_the_library_that_draws_is_the_one_of_python(settings):
    answer = ask("/plotly-1.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert "plotly.js v" in answer.text[:400]
