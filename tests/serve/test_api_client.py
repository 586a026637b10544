"""A client that a public generator makes of the OpenAPI document: it makes a project, trains it and asks it."""

import importlib
import io
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

from core.data import example
from core.serve.state import State

PHOTOS = 8  # dresses of each category


@pytest.fixture
def generated(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package that openapi-python-client makes."""
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx2.get(f"{server}/api/openapi.json").content)
    folder = tmp_path / "thimble_client"
    command = ["openapi_python_client", "generate", "--path", document, "--output-path", folder, "--meta", "none"]
    made = subprocess.run([sys.executable, "-m", *map(str, command)], capture_output=True, text=True, cwd=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("thimble_client")


@pytest.mark.slow
def test_a_generated_client_trains_and_predicts(
    generated: ModuleType, server: str, owner_key: str, state: State, request: pytest.FixtureRequest
) -> None:
    client = generated.AuthenticatedClient(base_url=f"{server}/api", token=owner_key, raise_on_unexpected_status=True)
    request.addfinalizer(client.get_httpx_client().close)

    def call(operation: str, *path: object, **arguments: Any) -> Any:
        module = importlib.import_module(f"thimble_client.api.{operation}")
        return module.sync(*path, client=client, **arguments)

    models = importlib.import_module("thimble_client.models")
    file = importlib.import_module("thimble_client.types").File

    def jpeg(drawing: example.Drawing) -> Any:
        return file(payload=io.BytesIO(drawing.data), file_name=drawing.name, mime_type="image/jpeg")

    project = call("projects.make_project", body=models.NewProject(name="Dresses"))
    drawings = list(example.photos(PHOTOS))
    for name in example.CATEGORIES:
        category = call("categories.make_category", project.id, body=models.NewCategory(name=name))
        files = [jpeg(drawing) for drawing in drawings if drawing.category == name]
        body = models.BodyAddPhotos(files=files, category_id=category.id)
        outcomes = call("photos.add_photos", project.id, body=body)
        assert (outcomes.added, outcomes.refused) == (PHOTOS, 0)
        assert {item.category_id for item in outcomes.items} == {category.id}

    job = call("work.train", project.id)
    end = time.monotonic() + 300
    while job.state in ("queued", "running") and time.monotonic() < end:
        time.sleep(0.2)
        job = call("work.read_job", job.id)
    assert job.state == "done", job.message
    assert [version.number for version in call("versions.list_versions", project.id).versions] == [1]
    assert call("models.read_model", project.id).categories == list(example.CATEGORIES)

    new = list(example.held_back(4, seed=7))
    body = models.PredictFilesPhotoForm(files=[jpeg(drawing) for drawing in new])
    told = call("models.predict", project.id, body=body)
    assert told.model.version == 1
    assert [answer.name for answer in told.predictions] == [drawing.name for drawing in new]
    live = state.answers.live(project.id)
    expected = state.answers.predict(live, [drawing.data for drawing in new])
    for answer, direct in zip(told.predictions, expected, strict=True):
        assert answer.scores.to_dict() == pytest.approx(direct.scores)
    problem = call("projects.read_project", "nowhere")
    assert (problem.status, problem.hint != "") == (404, True)
