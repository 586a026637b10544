"""What was made for other programs lies beside its version, and goes with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.data.store import Store
from core.errors import NotFound
from tests.data.store.conftest import files_under


def trained(store: Store, versions: int = 1) -> str:
    project = store.create_project("Pets")
    for _ in range(versions):
        store.models.add(project.id, {"a": b"1"}, accuracy=1, photos=1, fingerprint="")
    return project.id


def made(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "made.bin"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("is_bucket", [False, True])
def test_an_export_comes_back_as_it_was(is_bucket: bool, tmp_path: Path, open_store: Callable[..., Store]) -> None:
    urls = {"files_url": f"memory://{tmp_path.name}"} if is_bucket else {}
    store = open_store(**urls)
    project_id = trained(store, versions=2)
    assert store.exports.of(project_id, 1) == []
    source = made(tmp_path, b"graph")
    before = datetime.now(UTC)
    onnx = store.exports.add(project_id, 1, "onnx", source)
    litert = store.exports.add(project_id, 1, "litert8", made(tmp_path, b"small graph"))
    assert (onnx.name, onnx.version, onnx.size) == ("onnx", 1, 5)
    assert abs(onnx.made_at - before) < timedelta(minutes=1)
    assert source.exists()
    again = open_store(**urls)
    assert again.exports.of(project_id, 1) == [litert, onnx]
    assert again.exports.of(project_id, 2) == []
    assert again.exports.read(project_id, 1, "litert8") == b"small graph"
    assert again.models.files(project_id, 1) == {"a": b"1"}
    store.exports.add(project_id, 1, "onnx", made(tmp_path, b"another"))
    assert again.exports.read(project_id, 1, "onnx") == b"another"
    assert [export.size for export in again.exports.of(project_id, 1)] == [11, 7]
    again.exports.remove(project_id, 1, "onnx")
    again.exports.remove(project_id, 1, "onnx")
    assert store.exports.of(project_id, 1) == [litert]
    with pytest.raises(NotFound) as caught:
        store.exports.read(project_id, 1, "onnx")
    assert caught.value.hint
    again.delete_project(project_id)
    assert not is_bucket or not again._pictures._files.exists(f"exports/{project_id}")


def test_exports_go_with_their_project(tmp_path: Path, store: Store) -> None:
    project_id, other = trained(store), trained(store)
    for each in (project_id, other):
        store.exports.add(each, 1, "onnx", made(tmp_path, b"graph"))
    store.delete_project(project_id)
    assert [path.parts[-3:] for path in files_under(store, "exports")] == [(other, "1", "onnx.zip")]
    store.delete_project(other)
    assert files_under(store, "") == []


def test_nothing_is_exported_of_what_is_not_there(tmp_path: Path, store: Store) -> None:
    project_id = trained(store)
    path = made(tmp_path, b"graph")
    gone: list[Callable[[str, int], object]] = [
        lambda project, version: store.exports.add(project, version, "onnx", path),
        lambda project, version: store.exports.of(project, version),
        lambda project, version: store.exports.read(project, version, "onnx"),
        lambda project, version: store.exports.remove(project, version, "onnx"),
    ]
    for ask in gone:
        for project, version in ((project_id, 2), ("0" * 32, 1), ("../models", 1)):
            with pytest.raises(NotFound) as caught:
                ask(project, version)
            assert caught.value.hint
    assert files_under(store, "exports") == files_under(store, "unfinished") == []


@pytest.mark.parametrize("name", ["", "../1/onnx", "a/b", "a\\b", "ONNX", "onnx.zip", "o" * 41, "onnx\n", "."])
def test_no_name_of_a_format_leads_to_another_file(name: str, tmp_path: Path, store: Store) -> None:
    project_id = trained(store)
    with pytest.raises(NotFound):
        store.exports.add(project_id, 1, name, made(tmp_path, b"graph"))
    with pytest.raises(NotFound):
        store.exports.read(project_id, 1, name)
    with pytest.raises(NotFound):
        store.exports.remove(project_id, 1, name)
    assert files_under(store, "exports") == []
    assert store.models.files(project_id, 1) == {"a": b"1"}
