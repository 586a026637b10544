"""A file is there whole or not at all."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.data.store.files import Files


def test_a_file_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    contents = [bytes([number]) * 3_000_000 for number in range(2)]
    files.write("one", contents[0])
    with ThreadPoolExecutor(1) as pool:
        writing = [pool.submit(files.write, "one", contents[number % 2]) for number in range(20)]
        while not writing[-1].done():
            assert files.read("one") in contents
    assert all(done.exception() is None for done in writing)


@pytest.mark.parametrize(("days", "is_left"), [(0, True), (2, False)])
def test_what_was_never_finished_is_removed_a_day_later(
    days: int, is_left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(str(tmp_path))
    staged = files.stage({"a": b"1"})
    later = time.time() + days * 86_400
    monkeypatch.setattr("core.data.store.files.time.time", lambda: later)
    files.sweep()
    assert files.read_folder(staged) == ({"a": b"1"} if is_left else {})
