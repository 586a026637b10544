"""A network trained from nothing, beside the model: fair, honest, and gone when it is stopped."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.data.dataset import Dataset, fold_count, folds, from_folder
from core.errors import AppError, BadInput, Cancelled
from core.model import scratch_net
from core.model.backbones import BACKBONES, DEFAULT
from core.model.bundle import Bundle
from core.model.embed import Look, embed_photos
from core.model.embedder import Embedders
from core.model.evaluate import wilson
from core.model.eyes import groups_to_keep_whole
from core.model.scratch import (
    FEWEST_EPOCHS,
    LOOKS,
    MOST_EPOCHS,
    ScratchResult,
    Side,
    epochs_for,
    first_fold,
    scratch_seconds,
    scratch_size,
    shared_photos,
    train_from_scratch,
)
from core.model.scratch_net import converse
from core.model.train import Wishes, train_model
from tests.conftest import draw_shape

KINDS = ("disc", "stripes")
EACH = 24


def result(*, scratch: int, transfer: int, gained: int, lost: int, photos: int = 60) -> ScratchResult:
    sides = [Side(1000, right / photos, wilson(right, photos)) for right in (scratch, transfer)]
    return ScratchResult(
        *sides,
        photos=photos,
        learnt_from=240,
        gained=gained,
        lost=lost,
        guessing=0.1,
        seconds=45.0,
        curve=((0.2, 0.1), (0.9, 0.3)),
    )


def child(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def is_gone(pid: int) -> bool:
    """Ended, or ended and not yet fetched by whoever adopted it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_counts_the_numbers_that_are_learnt() -> None:
    kernels = 27 * 32 + 288 * 64 + 576 * 128 + 1152 * 128
    assert scratch_size(10) == kernels + 2 * (32 + 64 + 128 + 128) + 128 * 10 + 10


def test_few_photos_are_seen_often_and_many_take_longer() -> None:
    assert epochs_for(2) == MOST_EPOCHS
    assert epochs_for(240) * 240 == pytest.approx(LOOKS, rel=0.02)
    assert epochs_for(100_000) == FEWEST_EPOCHS
    times = [scratch_seconds(photos) for photos in (10, 100, 300, 3000, 30_000)]
    assert times == sorted(times)
    assert times[-1] > 20 * times[2]


def test_the_sentence_follows_the_figures() -> None:
    assert "That is why Thimble learns by transfer" in result(scratch=20, transfer=50, gained=32, lost=2).words
    assert "not enough" in result(scratch=20, transfer=50, gained=32, lost=2).words
    assert "hardly more than guessing" in result(scratch=7, transfer=50, gained=44, lost=1).words
    assert "do not show that transfer learning is needed" in result(scratch=50, transfer=53, gained=5, lost=2).words
    assert "better learnt from nothing" in result(scratch=55, transfer=30, gained=1, lost=26).words


def test_survives_being_stored_beside_other_things() -> None:
    before = result(scratch=20, transfer=50, gained=32, lost=2)
    stored = json.loads(json.dumps({**before.to_json(), "version": 3}))
    assert ScratchResult.from_json(stored) == before
    assert before.epochs == 2


def test_a_child_gets_the_data_and_is_heard_line_by_line() -> None:
    heard: list[object] = []
    code = (
        "import sys, json; data = sys.stdin.buffer.read();"
        "[print(json.dumps({'byte': b})) for b in data[-2:]]; print(json.dumps({'n': len(data)}))"
    )
    converse(child(code), bytes(3_000_000) + b"\1\2", heard.append)
    assert [message for message in heard if message] == [{"byte": 1}, {"byte": 2}, {"n": 3_000_002}]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; print('of no use', file=sys.stderr); sys.exit('No module named keras')", "No module named keras"),
        ("import sys; sys.exit(3)", "exit status 3"),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "memory ran out",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals"),
        ),
    ],
)
def test_a_child_that_fails_is_an_error_in_words(code: str, words: str) -> None:
    with pytest.raises(AppError, match=words) as caught:
        converse(child(code), bytes(1_000_000), lambda message: None)
    assert caught.value.hint


def test_a_silent_child_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch_net, "SILENT_SECONDS", 0.5)
    with pytest.raises(AppError, match="no sign of life"):
        converse(child("import time; time.sleep(600)"), b"", lambda message: None)


def test_stopping_ends_the_child_even_while_it_says_nothing() -> None:
    pids: list[int] = []

    def stop(message: dict[str, int] | None) -> None:
        if message:
            pids.append(message["pid"])
        elif pids:
            raise Cancelled("Stopped.")

    code = "import os, time; print('{\"pid\": %d}' % os.getpid(), flush=True); time.sleep(600)"
    with pytest.raises(Cancelled):
        converse(child(code), bytes(1_000_000), stop)
    assert not psutil.pid_exists(pids[0])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Drawn shapes, each twice: a copy is smaller and recompressed."""
    folder = tmp_path_factory.mktemp("shapes")
    for kind in KINDS:
        (folder / kind).mkdir()
        for number in range(EACH):
            picture = draw_shape(kind, number)
            picture.save(folder / kind / f"{kind} {number}.jpg", quality=92)
            picture.resize((120, 90)).save(folder / kind / f"again {number}.png")
    return from_folder(folder)


@pytest.fixture(scope="module")
def bundle(dataset: Dataset, backbone_home: Path) -> Bundle:
    return train_model(dataset, Embedders(backbone_home, bulk=True), wishes=Wishes(backbones=(DEFAULT,))).bundle


@pytest.mark.slow
def test_keeps_out_a_fold_of_the_training(dataset: Dataset, bundle: Bundle, backbone_home: Path) -> None:
    look = Look(Embedders(backbone_home, bulk=True)[DEFAULT], "crop")
    embedded = embed_photos(dataset.photos, dataset.read, [look])
    assert embedded.sha256 == bundle.memory.sha256
    raw = embedded.rows[look.key][:, BACKBONES[DEFAULT].last]
    labels = bundle.memory.labels
    groups, _ = groups_to_keep_whole(dataset.photos, labels, embedded.fingerprints, raw)
    in_training = folds(labels, groups, fold_count(labels, groups), seed=0) == 0

    kept_out = first_fold(shared_photos(dataset, bundle), bundle)
    assert np.array_equal(kept_out, in_training)
    assert 0 < kept_out.sum() < len(labels)
    side = {photo.name: out for photo, out in zip(dataset.photos, kept_out, strict=True)}
    for kind in KINDS:
        for number in range(EACH):
            assert side[f"{kind}/{kind} {number}.jpg"] == side[f"{kind}/again {number}.png"]


@pytest.mark.slow
def test_learns_more_than_guessing_and_both_are_asked_the_same(dataset: Dataset, bundle: Bundle) -> None:
    seen: list[tuple[float, str]] = []
    told = train_from_scratch(dataset, bundle, on_progress=lambda *report: seen.append(report))
    result = ScratchResult.from_json(json.loads(json.dumps(told)))
    kept_out = first_fold(shared_photos(dataset, bundle), bundle)
    transferred = bundle.memory.kept_out[bundle.mode].argmax(axis=1) == bundle.memory.labels

    assert result.scratch.accuracy_interval[0] > result.guessing
    assert result.transfer.accuracy == transferred[kept_out].mean()
    assert result.transfer.parameters == bundle.classifiers[bundle.mode].parameters
    assert (result.photos, result.learnt_from) == (kept_out.sum(), (~kept_out).sum())
    assert round((result.transfer.accuracy - result.scratch.accuracy) * result.photos) == result.gained - result.lost
    assert result.epochs == epochs_for(result.learnt_from)
    assert result.curve[-1][1] == pytest.approx(result.scratch.accuracy)
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert any("seconds left" in words for _, words in seen)


@pytest.mark.slow
def test_stopping_leaves_no_process(dataset: Dataset, bundle: Bundle) -> None:
    at_work: list[psutil.Process] = []
    others = set(psutil.Process().children())  # an app that other tests drive, for one

    def stop(share: float, words: str) -> None:
        if "round" in words:
            at_work.extend(set(psutil.Process().children()) - others)
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        train_from_scratch(dataset, bundle, on_progress=stop)
    assert at_work
    assert all(is_gone(process.pid) for process in at_work)


@pytest.mark.slow
def test_photos_that_are_gone_or_moved_are_not_compared(dataset: Dataset, bundle: Bundle) -> None:
    disc, *others = dataset.photos
    moved = replace(dataset, photos=(replace(disc, category="stripes"), *others[1:]))
    assert shared_photos(moved, bundle).at.tolist() == list(range(2, len(dataset.photos)))
    only = replace(dataset, photos=tuple(photo for photo in dataset.photos if photo.category == "disc"))
    with pytest.raises(BadInput, match="'stripes'"):
        shared_photos(only, bundle)


@pytest.mark.slow
def test_the_count_is_that_of_the_network() -> None:
    code = (
        "from core.model.scratch_net import network;"
        "print(sum(int(w.shape.num_elements()) for w in (v.value for v in network(7).trainable_variables)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == scratch_size(7)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_child_whose_parent_was_killed_ends_itself() -> None:
    code = (
        "import numpy as np; from core.model.scratch_net import SIDE, learn;"
        "views = np.zeros((64, SIDE, SIDE, 3), np.uint8); labels = np.arange(64) % 2;"
        "learn(views, labels, np.arange(64) < 8, 2, epochs=100_000, seed=0,"
        "      hear=lambda message: message and print('.', flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent:
        parent.stdout.readline()
        children = psutil.Process(parent.pid).children()
        parent.send_signal(signal.SIGKILL)
    assert children
    psutil.wait_procs(children, timeout=30)
    assert all(is_gone(process.pid) for process in children)
