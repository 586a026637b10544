"""Collecting from a shell: folders ready for training, with credits, and nothing fetched twice."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.data.dataset import from_folder
from tests.web import HOST, web_of

ROOT = Path(__file__).parents[1]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "core", "collect", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_collects_folders_for_training_and_fetches_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "photos"
    with web_of(("disc", "stripes"), 40, latency=0.0) as web:
        monkeypatch.setenv("THIMBLE_PROXY", web.proxy_url)
        monkeypatch.setenv("THIMBLE_CA_FILE", web.ca_file)
        first = run("disc", "stripes", "--out", out, "--per-category", 6, "--json")
        assert first.returncode == 0, first.stderr
        told = json.loads(first.stdout)
        assert told["photos"] == 12
        assert told["categories"]["disc"]["stored"] == 6
        assert sum(told["categories"]["disc"]["failed"].values()) >= 1

        more = run("disc", "stripes", "--out", out, "--per-category", 9, "--json")
        assert json.loads(more.stdout)["photos"] == 18
        fetched = [request.path for request in web.log if request.host == HOST]
        assert len(fetched) == len(set(fetched))

    dataset = from_folder(out)
    assert dataset.categories == ("disc", "stripes")
    assert len(dataset.photos) == 18
    rows = list(csv.DictReader((out / "credits.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == 18
    assert {row["site"] for row in rows} == {HOST}


@pytest.mark.slow
def test_no_network_and_impossible_names_end_with_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THIMBLE_PROXY", "http://127.0.0.1:9")  # nothing listens there
    offline = run("disc", "--out", tmp_path / "photos", "--json")
    assert (offline.returncode, offline.stdout) == (2, "")
    assert "No network" in offline.stderr
    assert len(offline.stderr.strip().splitlines()) == 1
    outside = run("../../x", "--out", tmp_path / "photos")
    assert outside.returncode == 2
    assert not (tmp_path / "x").exists()
