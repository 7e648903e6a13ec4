"""The live view: metrics above hardware on one axis, whatever was sampled."""

from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from workbench.plots import compare_curves, gauge, hardware_rows, live_curves, live_svg, sparkline

START = 1_000_000.0


def _history(n, **extra):
    steps = np.arange(1, n + 1)
    return pl.DataFrame(
        {
            "time": START + 2.0 * steps,
            "step": steps,
            "epoch": steps,
            "loss": 1 / steps,
            "val_loss": 1.1 / steps,
            **extra,
        }
    )


def _samples(n, gpus=0, **fields):
    gpu = {"name": "card", "utilisation_percent": 50.0, "memory_mib": 2048.0, "power_w": None, "temperature_c": 60.0}
    return [
        {
            "time": START + i,
            "cpu_percent": 30.0,
            "memory_mib": 4096.0,
            "process_memory_mib": 1024.0,
            "gpus": [{"index": k, **gpu, **fields} for k in range(gpus)],
        }
        for i in range(n)
    ]


def _panel_titles(fig):
    return [note.text[3:-4] for note in fig.layout.annotations if note.text.startswith("<b>")]


def test_metrics_stand_above_hardware_on_one_axis():
    fig = live_curves(_history(10), _samples(20, gpus=1), unit="epoch")
    assert _panel_titles(fig) == ["loss", "GPU (%)", "GPU memory (GiB)", "CPU (%)", "memory (GiB)"]
    assert {trace.xaxis for trace in fig.data} == {None}
    assert fig.layout.xaxis.title.text == "time since start (s)"
    assert "10 logged epochs" in fig.layout.meta["alt"]


def test_train_is_blue_and_validation_orange():
    colors = {trace.name: trace.line.color for trace in live_curves(_history(3)).data}
    assert colors == {"train": "#0072B2", "validation": "#E69F00"}


def test_without_gpu_there_is_no_gpu_panel_and_the_picture_says_so():
    fig = live_curves(_history(3), _samples(5))
    assert "GPU (%)" not in _panel_titles(fig)
    assert "no GPU" in fig.layout.meta["alt"]


def test_each_of_several_gpus_has_its_line():
    names = [trace.name for trace in live_curves(_history(3), _samples(5, gpus=3)).data]
    assert names.count("GPU 2") == 2


def test_null_fields_leave_gaps_and_all_null_leaves_no_panel():
    samples = _samples(6, gpus=1)
    samples[2]["gpus"][0]["utilisation_percent"] = None
    samples[3]["cpu_percent"] = None
    fig = live_curves(_history(3), samples)
    gpu = next(trace for trace in fig.data if trace.name == "GPU")
    assert np.isnan(np.asarray(gpu.y, dtype=float)).sum() == 1
    blind = live_curves(_history(3), _samples(6, gpus=1, utilisation_percent=None))
    assert "GPU (%)" not in _panel_titles(blind)
    assert "GPU memory (GiB)" in _panel_titles(blind)


def test_by_step_samples_lie_between_the_steps_logged_around_them():
    fig = live_curves(_history(10), _samples(40), by="step", started=START, unit="tree")
    cpu = next(trace for trace in fig.data if trace.name == "all cores")
    assert list(cpu.x[:5]) == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert max(cpu.x) == 10.0
    assert fig.layout.xaxis.title.text == "tree"


def test_before_the_first_metric_hardware_is_drawn_already():
    empty = pl.DataFrame(schema={"time": pl.Float64, "step": pl.Int64})
    fig = live_curves(empty, _samples(3))
    assert any(note.text == "no loss yet" for note in fig.layout.annotations)
    assert live_curves(pl.DataFrame(), None).layout.meta["alt"] == "Waiting for the first numbers."
    assert live_curves(empty, _samples(3), by="step").data == ()


def test_a_long_history_is_thinned_without_losing_its_peak_and_says_so():
    n = 20_000
    loss = np.ones(n)
    loss[12_345] = 9.0
    fig = live_curves(_history(n).with_columns(loss=pl.Series(loss)), unit="step")
    assert len(fig.data[0].x) <= 700
    assert max(fig.data[0].y) == 9.0
    assert "600 of 20,000 logged steps drawn" in fig.layout.meta["alt"]


def test_long_runs_count_minutes_and_hours():
    assert live_curves(_history(500)).layout.xaxis.title.text == "time since start (min)"
    assert live_curves(_history(20_000)).layout.xaxis.title.text == "time since start (h)"


def test_a_pause_takes_no_room_on_the_axis_of_time_and_its_length_is_told():
    before, after = _history(100), _history(100)
    resumed = after.with_columns(time=pl.col("time") + 10_000.0, step=pl.col("step") + 100)
    samples = _samples(200)
    samples += [{**sample, "time": sample["time"] + 10_000.0} for sample in samples]
    history = pl.concat([before, resumed])
    fig = live_curves(history, samples, started=START)
    np.testing.assert_allclose(fig.data[0].x, np.arange(2, 402, 2) / 60)
    assert fig.layout.xaxis.title.text == "time since start (min, pauses left out)"
    assert [shape.x0 for shape in fig.layout.shapes] == [pytest.approx(200 / 60)]
    assert [note.text for note in fig.layout.annotations if "paused" in note.text] == ["paused 3 h"]
    assert len(fig.data) > 2
    assert all(np.diff(trace.x).max() < 2.1 / 60 for trace in fig.data)
    by_step = live_curves(history, samples, started=START, by="step")
    assert not by_step.layout.shapes
    assert not live_curves(history, started=START).layout.shapes  # metrics alone may just be rare


def test_a_short_pause_of_a_resumed_run_takes_no_room_either():
    before = _history(100)
    resumed = before.with_columns(time=pl.col("time") + 210.0, step=pl.col("step") + 100)
    samples = _samples(200)
    samples += [{**sample, "time": sample["time"] + 210.0} for sample in samples]
    history = pl.concat([before, resumed])
    ended = START + 201.0
    fig = live_curves(history, samples, started=START, interrupted=[ended])
    assert [note.text for note in fig.layout.annotations if "paused" in note.text] == ["paused 10 s"]
    assert [shape.x0 for shape in fig.layout.shapes] == [pytest.approx(200 / 60, abs=0.02)]
    assert all(np.diff(trace.x).max() < 2.1 / 60 for trace in fig.data)
    without = live_curves(history, samples, started=START)
    assert not without.layout.shapes
    # A run without hardware samples shows its pauses, too, since it is known that it had ended.
    assert live_curves(history, started=START, interrupted=[ended]).layout.shapes


def test_rare_metrics_are_no_pause():
    rare = _history(10).with_columns(time=START + 120.0 * pl.col("step"))
    assert not live_curves(rare, _samples(1_300), started=START).layout.shapes


def test_a_diverged_loss_does_not_break_the_picture():
    fig = live_curves(_history(3).with_columns(loss=pl.Series([1.0, float("nan"), None])))
    assert fig.data[0].name == "train"


@pytest.mark.parametrize("form", ["structs", "json", "wide", "long"])
def test_every_stored_form_of_hardware_gives_the_same_rows(form):
    rows = _samples(2, gpus=2)
    expected = hardware_rows(rows)
    if form == "structs":
        frame = pl.DataFrame(rows)
    elif form == "json":
        import json

        frame = pl.DataFrame([{**row, "gpus": json.dumps(row["gpus"])} for row in rows])
    else:
        base = [{k: v for k, v in row.items() if k != "gpus"} for row in rows]
        wide = [
            {**b, **{f"gpu{g['index']}_{k}": v for g in r["gpus"] for k, v in g.items() if k != "index"}}
            for b, r in zip(base, rows, strict=True)
        ]
        long = [
            {**b, "gpu_index": g["index"], **{f"gpu_{k}": v for k, v in g.items() if k != "index"}}
            for b, r in zip(base, rows, strict=True)
            for g in r["gpus"]
        ]
        frame = pl.DataFrame(wide if form == "wide" else long)
    got = hardware_rows(frame)
    assert [s["cpu_percent"] for s in got] == [s["cpu_percent"] for s in expected]
    for ours, theirs in zip(got, expected, strict=True):
        assert [(g["index"], g["utilisation_percent"], g["memory_mib"]) for g in ours["gpus"]] == [
            (g["index"], g["utilisation_percent"], g["memory_mib"]) for g in theirs["gpus"]
        ]


def test_compared_runs_share_the_axis_and_absent_metrics_are_said():
    fig = compare_curves(
        {"a": _history(5), "b": _history(9), "c": pl.DataFrame({"time": [1.0], "step": [1]})}, metric="val_loss"
    )
    assert [trace.name for trace in fig.data] == ["a", "b"]
    assert "None of the 1 runs has logged f1" in compare_curves({"a": _history(2)}, metric="f1").layout.meta["alt"]


def test_small_pictures_say_their_number():
    assert gauge(41.2, title="CPU").layout.meta["alt"] == "CPU: 41.2 %"
    assert gauge(None, title="GPU", history=[None, 2.0]).layout.meta["alt"] == "GPU: not reported"
    assert gauge(1000, title="memory", maximum=2000, unit="MiB").layout.meta["alt"] == "memory: 1,000 MiB of 2,000"
    assert sparkline([1.0, None, 0.5, None], label="loss").layout.meta["alt"] == "loss: last value 0.5"
    assert sparkline([]).data[0].x is not None


DETAIL = {
    "memory_bandwidth_percent": 20.0, "power_w": 300.0, "power_limit_w": 400.0, "sm_clock_mhz": 1500.0,
    "pcie_rx_mib_s": 64.0, "pcie_tx_mib_s": 8.0, "own_memory_mib": 1024.0, "slowed_by": ["heat"], "own": True,
}  # fmt: skip


def _full(n, gpus):
    rows = _samples(n, gpus, **DETAIL)
    return [
        {**row, "disk_read_mib_s": 1.0, "disk_write_mib_s": 2.0, "energy": {"gpu_wh": 0.1 * i}}
        for i, row in enumerate(rows)
    ]


def test_in_detail_everything_that_is_known_lies_under_the_loss():
    fig = live_curves(_history(10), _full(20, 1), metrics=["loss"], detail=True)
    assert _panel_titles(fig) == [
        "loss", "GPU (%)", "GPU memory (GiB)", "GPU memory bandwidth (%)", "GPU power (W)", "GPU temperature (°C)",
        "GPU clock (MHz)", "PCIe (MiB/s)", "CPU (%)", "memory (GiB)", "disk (MiB/s)", "energy (Wh)",
    ]  # fmt: skip
    traces = {trace.name: trace for trace in fig.data}
    assert traces["limit"].line.dash == "dot"
    assert {"to GPU", "from GPU", "read", "written"} <= set(traces)
    clock = next(trace for trace in fig.data if trace.customdata is not None and "slowed" in str(trace.customdata[0]))
    assert clock.customdata[0] == ", slowed by heat"
    energy = next(trace for trace in fig.data if "Wh" in trace.hovertemplate)
    assert max(energy.y) == pytest.approx(1.9)


def test_eight_gpus_are_a_band_and_its_mean_with_each_gpu_thin():
    rows = _full(30, 8)
    for row in rows:
        for gpu in row["gpus"]:
            gpu["utilisation_percent"] = 10.0 * gpu["index"]
    rows[7]["gpus"][3]["utilisation_percent"] = None
    fig = live_curves(_history(10), rows)
    first = [trace for trace in fig.data if trace.yaxis == "y2"]
    assert [trace.name for trace in first] == ["least", "most", *(f"GPU {i}" for i in range(8)), "mean of 8 GPUs"]
    assert first[1].fill == "tonexty"
    assert (first[0].y[0], first[1].y[0], first[-1].y[0]) == (0.0, 70.0, 35.0)
    labels = [note.text for note in fig.layout.annotations if "mean of 8 GPUs" in note.text or "GPU 3" in note.text]
    assert len(labels) == 2  # of utilisation and memory; no single GPU is labelled
    assert first[0].line.width == 0


def test_a_day_of_samples_is_drawn_in_few_points_and_keeps_its_peak():
    n = 86_400
    wide = pl.DataFrame({"time": START + np.arange(n), "cpu_percent": np.full(n, 10.0), "gpu0_own": [True] * n,
                         "gpu0_utilisation_percent": np.full(n, 50.0), "gpu0_power_w": np.full(n, 300.0)})  # fmt: skip
    wide[50_000, "cpu_percent"] = 99.0
    steps = np.arange(1_000_000)
    history = pl.DataFrame({"time": START + steps * 0.0864, "step": steps, "epoch": steps, "loss": 1.0 / (1 + steps)})
    fig = live_curves(history, wide, detail=True)
    assert max(len(trace.x) for trace in fig.data) <= 602
    cpu = next(trace for trace in fig.data if trace.name == "all cores")
    assert max(cpu.y) == 99.0
    gpu = next(trace for trace in fig.data if trace.name == "GPU")
    assert gpu.customdata[0] == ", 300 W"


def test_a_short_training_between_long_loading_and_packaging_fills_the_time_axis():
    history = _history(10)
    samples = [{**sample, "time": START - 60 + 2 * i} for i, sample in enumerate(_samples(100))]
    fig = live_curves(history, samples, started=START - 60)
    low, high = fig.layout.xaxis.range
    assert 50 < low < 62
    assert 80 < high < 90
    assert "double-click shows what was before" in fig.layout.meta["alt"] + " ".join(
        note.text for note in fig.layout.annotations
    )
    assert live_curves(history, samples[30:42], started=START).layout.xaxis.range is None


def test_a_search_draws_its_trials_and_the_best_so_far():
    history = pl.DataFrame(
        {"time": [START, START + 1], "step": [1, 2], "trial_roc_auc": [0.8, 0.7], "best_roc_auc": [0.8, 0.8]}
    )
    fig = live_curves(history, unit="trial")
    assert _panel_titles(fig)[0] == "search: ROC AUC"
    assert [trace.name for trace in fig.data] == ["trial", "best so far"]


def _texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]


def test_the_drawing_for_notebooks_shows_what_the_figure_shows():
    drawn = live_svg(_history(10), _samples(20, gpus=1), unit="epoch")
    titles = _panel_titles(live_curves(_history(10), _samples(20, gpus=1)))
    assert [text for text in _texts(drawn) if text in titles] == titles
    assert {"10 logged epochs", "time since start (s)", "train 0.1", "validation 0.11"} <= set(_texts(drawn))
    assert 'stroke="#0072B2"' in drawn and 'stroke="#E69F00"' in drawn


def test_the_drawing_of_a_search_shows_its_trials_and_the_best_so_far():
    trials = pl.DataFrame({"time": START + np.arange(3), "step": [1, 2, 3], "trial_r2": [0.1, 0.3, 0.2]})
    said = _texts(live_svg(trials.with_columns(best_r2=pl.Series([0.1, 0.3, 0.3])), unit="trial"))
    assert {"search: R²", "trial 0.2", "best so far 0.3"} <= set(said)


def test_the_drawing_of_a_long_run_stays_small_has_gaps_and_no_script():
    history = _history(100_000).with_columns(pl.when(pl.col("step") % 2 == 0).then("val_loss").alias("val_loss"))
    samples = _samples(2_000, gpus=8)
    samples[7]["cpu_percent"] = None
    drawn = live_svg(history, samples, started=START)
    assert len(drawn) < 100_000
    assert "nan" not in drawn and "<script" not in drawn
    assert live_svg(_history(3)[:0]) == ""


def test_a_name_in_the_drawing_is_text_and_never_markup():
    drawn = live_svg(_history(3, **{"<b>&": [0.1, 0.2, 0.3]}))
    assert "<b>&" in _texts(drawn)
