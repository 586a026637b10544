"""The OpenAPI document against the running API: no answer that it does not describe, and none of 500 or more."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.jobs import Progress
from tests.serve.conftest import Shared

# Ids of things that are there, so that more than "not found" is tried; what may be deleted is another project.
SETTINGS = """
[parameters]
"path.project_id" = "{project_id}"
"path.job_id" = "{job_id}"
"path.number" = 1
"path.category_id" = {category_id}
"path.photo_id" = {photo_id}

[[operations]]
include-method = "DELETE"
parameters = {{ "path.project_id" = "{other_id}" }}
"""
RUN = "from schemathesis.cli import schemathesis; schemathesis()"


@pytest.mark.slow
def test_every_answer_is_as_the_document_says(shared: Shared, tmp_path: Path) -> None:
    store, jobs = shared.state.store, shared.state.jobs
    end = threading.Event()

    def wait(progress: Progress) -> dict[str, object]:
        """Stands for work under way, so that thousands of requests start no more of it."""
        end.wait()
        return {}

    started = {kind: jobs.start(shared.project.id, kind, wait) for kind in ("build", "train")}
    photo = store.photos.of(shared.project.id)[0]
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(
        SETTINGS.format(
            project_id=shared.project.id,
            job_id=started["build"],
            category_id=photo.category_id,
            photo_id=photo.id,
            other_id=store.create_project("May be deleted").id,
        )
    )
    run = subprocess.run(
        [
            *(sys.executable, "-c", RUN, "--config-file", str(settings), "run", f"{shared.address}/api/openapi.json"),
            *("--header", f"Authorization: Bearer {shared.owner_key}"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--request-timeout", "60"),
            *("--generation-deterministic", "--no-color"),
            # A schema cannot say that bytes are a photo, or that an id is that of something there.
            *("--exclude-checks", "positive_data_acceptance"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=900,
    )
    end.set()
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "42 selected / 42 total" in run.stdout
