"""A checkpoint: replaced in one step, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from training_rows import Watched

from workbench.errors import StorageError
from workbench.training import checkpoint as checkpoints
from workbench.training.checkpoint import Checkpoint
from workbench.training.history import HistoryWriter, history_since
from workbench.training.state import HISTORY


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    arrays = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "seeds": np.array([1, 2**40])}
    files = {"tree": lambda path: path.write_bytes(b"leaves")}
    assert Checkpoint(tmp_path / "c").save({"epoch": 3, "lowest": float("inf")}, arrays, files)
    saved = Checkpoint(tmp_path / "c").load()
    assert saved is not None
    assert saved.document == {"epoch": 3, "lowest": None}
    assert {name: array.dtype for name, array in saved.arrays.items()} == {"weights": np.float32, "seeds": np.int64}
    np.testing.assert_array_equal(saved.arrays["weights"], arrays["weights"])
    assert saved.path("tree").read_bytes() == b"leaves"


def test_nothing_is_kept_without_a_folder_and_nothing_is_there_at_first(tmp_path: Path) -> None:
    nowhere = Checkpoint(None, seconds=0.0)
    assert not nowhere.due()
    assert not nowhere.save({})
    assert nowhere.load() is None
    assert Checkpoint(tmp_path / "none").load() is None


def test_files_that_are_kept_are_not_written_again(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save({"n": 1}, files={"one": lambda path: path.write_text("1")})
    inode = (tmp_path / "1" / "one").stat().st_ino
    checkpoint.save({"n": 2}, files={"two": lambda path: path.write_text("2")}, keep=checkpoint.stored)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["2", "current.json"]
    assert (tmp_path / "2" / "one").stat().st_ino == inode
    later = Checkpoint(tmp_path)
    saved = later.load()
    assert saved is not None
    assert [saved.path(name).read_text() for name in ("one", "two")] == ["1", "2"]
    assert later.stored == {"one", "two"}
    later.save({"n": 3}, keep=["two"])
    assert Checkpoint(tmp_path).load().document == {"n": 3}  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"Got 'one' to keep, needed a file of the save before: two"):
        later.save({"n": 4}, keep=["one"])


def test_it_is_due_after_its_seconds_and_later_where_saving_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path, seconds=5.0)
    assert not checkpoint.due()
    now[0] += 5.0
    assert checkpoint.due()

    def slow(path: Path) -> None:
        path.write_text("slow")
        now[0] += 2.0

    checkpoint.save({}, files={"slow": slow})
    now[0] += 6.0
    assert not checkpoint.due()  # 2 s of saving are 2 % of 100 s
    now[0] += 95.0
    assert checkpoint.due()


def test_a_kill_of_a_short_run_loses_a_small_share_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path, seconds=20.0)
    saved = [0.0]
    for _ in range(3_000):
        now[0] += 0.1
        if checkpoint.due():
            checkpoint.save({})
            saved.append(now[0] - 100.0)
    lost = [(later - earlier) / later for earlier, later in zip(saved[1:], saved[2:], strict=False)]
    assert saved[1] < 2.2 and saved[1:4] == pytest.approx([2.0, 4.0, 6.0], abs=0.3)
    assert max(lost[3:]) < 0.3  # of the time so far
    assert saved[-1] - saved[-2] == pytest.approx(20.0, abs=0.2) and len(saved) < 30


def test_a_full_disk_keeps_the_save_before_and_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save({"epoch": 1}, {"weights": np.ones(3)})

    def full(path: Path) -> None:
        path.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with caplog.at_level(logging.WARNING):
        assert not checkpoint.save({"epoch": 2}, files={"big": full})
        assert not checkpoint.save({"epoch": 3}, files={"big": full})
    assert len(caplog.messages) == 1  # said once
    assert "the one before is kept: Got no space left on the disk" in caplog.messages[0]
    assert Checkpoint(tmp_path).load().document == {"epoch": 1}  # type: ignore[union-attr]
    assert sorted(place.name for place in tmp_path.iterdir()) == ["1", "current.json"]
    assert checkpoint.save({"epoch": 4})
    assert checkpoint.problem is None
    assert Checkpoint(tmp_path).load().document == {"epoch": 4}  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["current.json", "1/state.json", "1/arrays.npz", "1/tree"])
@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_a_damaged_one_is_not_gone_on_from(
    tmp_path: Path, name: str, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    Checkpoint(tmp_path).save({"n": 1}, {"a": np.zeros(50)}, {"tree": lambda path: path.write_bytes(b"leaves")})
    path = tmp_path / name
    content = path.read_bytes()
    if harm == "remove":
        path.unlink()
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + (b"" if harm == "cut" else b"\xff" + content[middle + 1 :]))
    checkpoint = Checkpoint(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load() is None
    if (name, harm) != ("current.json", "remove"):
        assert "needed it to go on from. Training starts anew." in caplog.messages[0]
    assert checkpoint.save({"n": 2})
    assert Checkpoint(tmp_path).load().document == {"n": 2}  # type: ignore[union-attr]


_SAVER = """
import sys
from pathlib import Path
import numpy as np
from workbench.training.checkpoint import Checkpoint
checkpoint = Checkpoint(Path(sys.argv[1]))
for n in range(10_000):
    checkpoint.save({"n": n}, {"a": np.full(2000, n)}, {f"t{n % 3}": lambda path: path.write_text(str(n))})
    print(n, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_one(tmp_path: Path) -> None:
    random = np.random.default_rng()
    last = -1
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", _SAVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()  # it has begun to save
        time.sleep(random.uniform(0, 0.05))
        process.kill()
        told = process.communicate()[0].split()
        last = int(told[-1]) if told else 0
        saved = Checkpoint(tmp_path).load()
        assert saved is not None
        n = saved.document["n"]
        assert n in (last, last + 1)
        assert set(saved.arrays["a"].tolist()) == {n}
        assert saved.path(f"t{n % 3}").read_text() == str(n)


def test_clearing_removes_everything(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "c")
    checkpoint.save({"n": 1})
    checkpoint.clear()
    assert not (tmp_path / "c").exists()
    assert checkpoint.load() is None
    assert checkpoint.save({"n": 2})


def test_a_live_recalls_its_best_its_notes_and_cuts_the_history_back(tmp_path: Path) -> None:
    first = Watched(tmp_path)
    first.live.note("Trained on a sample.")
    first.live.record(1, 1, {"loss": 0.5, "val_loss": 0.6})
    memory = json.loads(json.dumps(first.live.memory()))
    first.live.record(2, 2, {"loss": 0.4, "val_loss": 0.5})
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"time": 1.0, "step"')  # killed while it wrote

    second = Watched(tmp_path)
    second.live.note("Trained on a sample.")
    second.live.recall(memory)
    assert second.history["step"].to_list() == [1]
    assert second.live.best == {"metric": "val_loss", "value": 0.6, "step": 1}
    assert second.state.note == "Trained on a sample."
    assert not second.live.record(2, 2, {"loss": 0.4, "val_loss": 0.7})
    assert second.live.record(3, 3, {"loss": 0.4, "val_loss": 0.4})
    assert second.history["step"].to_list() == [1, 2, 3]


def test_a_live_that_has_seen_nothing_recalls_nothing(tmp_path: Path) -> None:
    memory = json.loads(json.dumps(Watched(tmp_path).live.memory()))
    watched = Watched(tmp_path)
    watched.live.recall(memory)
    assert watched.live.best is None
    assert watched.live.record(1, 1, {"loss": 0.5, "val_loss": 1e9})


def test_points_can_be_read_at_once_and_a_write_that_failed_spoils_no_other(tmp_path: Path) -> None:
    writer = HistoryWriter(tmp_path)
    writer.append(1, 1.0, {"loss": 0.5})
    assert [line["step"] for line in history_since(tmp_path)[0]] == [1]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / HISTORY).stat().st_size + 20, hard))
    try:
        with pytest.raises(StorageError, match="history.jsonl"):  # 20 bytes of the line are written, the rest isn't
            writer.append(2, 2.0, {"loss": 0.4})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.append(3, 3.0, {"loss": 0.3})
    assert [line["step"] for line in history_since(tmp_path)[0]] == [1, 3]
    position = writer.position()
    writer.append(4, 4.0, {"loss": 0.2})
    writer.cut_back(position)
    writer.append(5, 5.0, {"loss": 0.1})
    assert [line["step"] for line in history_since(tmp_path)[0]] == [1, 3, 5]
