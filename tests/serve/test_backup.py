"""A project as one file: the same elsewhere, to the last bit, and nothing at all of a broken or hostile one."""

import hashlib
import io
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.data.photo import decode, encode
from core.data.store import Credit, Plan, Project, Store, training_fingerprint
from core.data.store import draft as drafts
from core.errors import BadInput, Cancelled
from core.model.bundle import Bundle
from core.model.compare import compare
from core.model.embedder import Embedders
from core.model.versions import train_project
from core.serve import backup as backing_up
from core.serve import restore as restoring
from core.serve.backup import backup, restore
from core.serve.backup_format import FORMAT
from core.serve.restore import read_backup
from tests.conftest import draw_shape
from tests.serve.conftest import make_shapes

ROOT = Path(__file__).parents[2]
WEB = Credit("commons", "https://example.org/p", "Ada", "CC BY 4.0", "https://example.org/by", "A disc")


def jpeg(kind: str, number: int) -> bytes:
    file = io.BytesIO()
    draw_shape(kind, number).save(file, "JPEG", quality=92)
    return file.getvalue()


def shot(number: int) -> bytes:
    """As a camera gives it: with its maker, and the second in which it was taken."""
    exif = Image.Exif()
    exif[271], exif[272] = "Maker", "Model"
    exif.get_ifd(0x8769)[36867] = f"2024:05:03 10:11:{number:02}"
    file = io.BytesIO()
    draw_shape("disc", number).save(file, "JPEG", quality=92, exif=exif)
    return file.getvalue()


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, backbone_home: Path, trained_files: dict[str, bytes]
) -> tuple[Store, Project]:
    """A project with a bit of everything, and two versions of which the older one answers."""
    home = tmp_path_factory.mktemp("trained")
    os.symlink(backbone_home / "backbones", home / "backbones")
    store = Store(home)
    project = make_shapes(store)
    disc, stripes = store.categories(project.id)
    store.photos.add(disc.id, jpeg("disc", 21), "from the web.jpg", WEB)
    store.photos.add(disc.id, shot(20), "shot.jpg")
    aside = store.photos.add(disc.id, jpeg("disc", 30), "aside.jpg").photo
    store.photos.set_kept([aside.id], False, "it is blurred (12)")
    for place in (disc.id, stripes.id):
        store.photos.add(place, jpeg("square", 5), "in both.jpg")
    store.web.set_plan(project.id, Plan(25, True, True, ("commons",)))
    store.web.set_phrases(disc.id, ["disc", "round thing"])
    store.set_mode(project.id, "fast")
    store.set_share_refused(project.id, 0.1)
    store.rename_project(project.id, project.name, "Ana")
    store.set_fixed(project.id, {"backbone": "lite0", "head": "ridge"})
    bundle = Bundle.from_files(trained_files)
    learnt = {"accuracy": 0.875, "photos": 16, "fingerprint": training_fingerprint(store.dataset(project.id))}
    store.models.add(project.id, bundle.to_files(), **learnt, note="the first version", mode="fast")
    other = bundle.with_share(0.3)
    compared = compare(bundle, other, against=1).to_json()
    store.models.add(project.id, other.to_files(), **learnt, live=False, note="it waits", comparison=compared)
    store.corrections.add(
        project.id,
        jpeg("square", 9),
        name="odd.jpg",
        answered="disc",
        probability=0.61,
        is_none=False,
        right="stripes",
        origin="link",
        version=1,
    )
    return store, store.project(project.id)


@pytest.fixture(scope="module")
def kept(trained: tuple[Store, Project]) -> bytes:
    """The backup of it."""
    store, project = trained
    file = io.BytesIO()
    backup(store, project.id, file)
    return file.getvalue()


@pytest.fixture
def elsewhere(tmp_path: Path, backbone_home: Path) -> Iterator[Store]:
    """A store on another computer."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    os.symlink(backbone_home / "backbones", home / "backbones")
    store = Store(home)
    yield store
    store.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store for files that leave nothing behind."""
    return Store(tmp_path_factory.mktemp("empty"))


def everything(store: Store, project: Project) -> dict[str, Any]:
    """All that a person could tell two projects apart by, but the numbers of rows."""
    names = {category.id: category.name for category in store.categories(project.id)}
    own = {"id", "category_id", "project_id", "created_at"}
    return {
        "project": {name: value for name, value in vars(store.project(project.id)).items() if name not in own},
        "categories": list(names.values()),
        "phrases": [store.web.phrases(number) for number in names],
        "plan": store.web.plan(project.id),
        "photos": [
            {"category": names[photo.category_id], "bytes": store.photos.read(photo.sha256)}
            | {name: value for name, value in vars(photo).items() if name not in own}
            for photo in store.photos.of(project.id)
        ],
        "sources": [photo.source for photo in store.dataset(project.id).photos],
        "versions": [
            {**vars(version), "project_id": "", "files": store.models.files(project.id, version.number)}
            for version in store.models.versions(project.id)
        ],
        "waiting": [
            {name: value for name, value in vars(each).items() if name not in own}
            | {"bytes": store.photos.read(each.sha256)}
            for each in store.corrections.waiting(project.id)
        ],
        "summary": store.summary(project.id),
    }


def nothing_of(store: Store) -> bool:
    """Neither a project nor a file is there."""
    files = [path for path in (store.home / "files").rglob("*") if path.is_file()]
    return store.projects() == [] and files == []


def test_a_restored_project_is_the_same_in_all_that_a_person_sees(
    trained: tuple[Store, Project], kept: bytes, elsewhere: Store
) -> None:
    restored = restore(elsewhere, io.BytesIO(kept))
    assert restored == elsewhere.project(restored.id)
    assert restored.id != trained[1].id
    before, after = everything(*trained), everything(elsewhere, restored)
    for part, value in before.items():
        assert after[part] == value, part
    assert after["summary"].version == 1
    assert not after["summary"].changed
    assert any(source for source in after["sources"] if " " in source)  # of the camera


def test_it_gives_the_same_answers_to_the_last_bit(
    trained: tuple[Store, Project], kept: bytes, elsewhere: Store
) -> None:
    restored = restore(elsewhere, io.BytesIO(kept))
    photos = [jpeg(kind, number) for kind in ("disc", "stripes", "square") for number in range(50, 54)]
    answers = []
    for store, project in (trained, (elsewhere, restored)):
        bundle = Bundle.from_files(store.models.files(project.id, 1)).with_share(project.share_refused)
        embedders = Embedders(store.home)
        answers.append([bundle.predict_with(embedders, photos, mode=mode) for mode in ("fast", "best")])
    assert answers[0] == answers[1]


def test_the_same_project_gives_the_same_file_and_a_restored_one_gives_it_again(
    trained: tuple[Store, Project], kept: bytes, elsewhere: Store
) -> None:
    again, restored = io.BytesIO(), io.BytesIO()
    backup(trained[0], trained[1].id, again)
    backup(elsewhere, restore(elsewhere, io.BytesIO(kept)).id, restored)
    assert again.getvalue() == kept
    assert restored.getvalue() == kept


@pytest.mark.slow
def test_a_restored_project_goes_on_by_itself(trained: tuple[Store, Project], kept: bytes, elsewhere: Store) -> None:
    first, second = (restore(elsewhere, io.BytesIO(kept)) for _ in range(2))
    elsewhere.delete_project(first.id)
    assert everything(elsewhere, second)["photos"] == everything(*trained)["photos"]
    assert elsewhere.corrections.accept([elsewhere.corrections.waiting(second.id)[0].id]) == 1
    assert train_project(elsewhere, second.id, Embedders(elsewhere.home, bulk=True))["version"] == 3
    elsewhere.delete_project(second.id)
    assert nothing_of(elsewhere)


def test_no_secret_leaves_with_it(trained: tuple[Store, Project], kept: bytes) -> None:
    store, project = trained
    _, secret = store.access.add_key(project.id, "mine")
    link = store.access.add_link(project.id)
    file = io.BytesIO()
    backup(store, project.id, file)
    assert file.getvalue() == kept
    said = b"".join(zipfile.ZipFile(file).read(name) for name in zipfile.ZipFile(file).namelist())
    for text in (secret, hashlib.sha256(secret.encode()).hexdigest(), link.token, project.id, str(store.home)):
        assert text.encode() not in said


def test_it_can_be_written_to_what_cannot_be_rewound(trained: tuple[Store, Project], elsewhere: Store) -> None:
    class Pipe(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    backup(*trained[:1], trained[1].id, pipe)
    assert everything(elsewhere, restore(elsewhere, io.BytesIO(pipe.written))) == everything(*trained)


def test_one_photo_at_a_time_is_in_memory(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    project = store.create_project("Many")
    category = store.add_category(project.id, "noise")
    random = np.random.default_rng(0)

    def peak(work: Callable[[], object]) -> int:
        tracemalloc.start()
        work()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    def peaks(photos: int) -> tuple[int, int]:
        for _ in range(photos):
            pixels = random.integers(0, 256, (320, 320, 3), dtype=np.uint8)
            store.photos.add_pixels(category.id, pixels, "noise.jpg")
        other = Store(tmp_path / f"other {photos}")
        with (tmp_path / "file").open("w+b") as file:
            return peak(lambda: backup(store, project.id, file)), peak(lambda: restore(other, file))

    peaks(2)
    few, many = peaks(4), peaks(30)
    for before, after in zip(few, many, strict=True):
        assert after - before < 30 * 5_000  # a photo is 100 kB here


# Broken and hostile files. Each changes the contents of a good backup, by name.

Contents = dict[str, bytes]


def contents(kept: bytes) -> Contents:
    with zipfile.ZipFile(io.BytesIO(kept)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Contents, *, compress: int = zipfile.ZIP_STORED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compress) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file


def line(files: Contents, name: str, /, **changes: object) -> None:
    """The first line of a list with other values."""
    first, *others = files[name].splitlines(keepends=True)
    files[name] = json.dumps(json.loads(first) | changes).encode() + b"\n" + b"".join(others)


def about(files: Contents, /, **changes: object) -> None:
    files["project.json"] = json.dumps(json.loads(files["project.json"]) | changes).encode()


def model(files: Contents, name: str, data: bytes) -> None:
    """Another file in the newest version, as one who also mends the hashes would put it there."""
    files[f"versions/2/{name}"] = data
    hashes = json.loads(files["versions.jsonl"].splitlines()[0])["files"]
    line(files, "versions.jsonl", files=hashes | {name: hashlib.sha256(data).hexdigest()})


def arrays(data: bytes, **changes: Any) -> bytes:
    with np.load(io.BytesIO(data)) as known:
        values = {name: known[name] for name in known.files} | changes
    file = io.BytesIO()
    np.savez(file, **values)
    return file.getvalue()


class Opened:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, ("a pickle was opened",)


def claimed(shape: tuple[int, ...]) -> bytes:
    """An archive of one array that claims to be of this shape and holds nothing."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return packed({"labels.npy": header.getvalue()}).getvalue()


def foreign_photo(files: Contents) -> None:
    """A picture that is none of ours, under its right hash."""
    data = io.BytesIO()
    Image.new("RGB", (2000, 2000), "red").save(data, "JPEG")
    sha256 = hashlib.sha256(data.getvalue()).hexdigest()
    files[f"photos/{sha256}.jpg"] = data.getvalue()
    line(files, "photos.jsonl", sha256=sha256)


def other_photo(files: Contents) -> None:
    """Another good picture where the first should be."""
    first, second = [name for name in files if name.startswith("photos/")][:2]
    files[first] = files[second]


def with_bundle(**changes: object) -> Callable[[Contents], None]:
    def change(files: Contents) -> None:
        known = json.loads(files["versions/2/bundle.json"])
        model(files, "bundle.json", json.dumps(known | changes).encode())

    return change


HOSTILE: dict[str, tuple[Callable[[Contents], object], str]] = {
    "a newer format": (lambda files: about(files, thimble=FORMAT + 1), "Update Thimble"),
    "no format": (lambda files: about(files, thimble="one"), "damaged"),
    "no project": (lambda files: files.pop("project.json"), "project.json is missing"),
    "no JSON": (lambda files: files.update({"project.json": b"{"}), "project.json"),
    "endless nesting": (lambda files: files.update({"project.json": b"[" * 1_000_000}), "project.json"),
    "an unknown field": (lambda files: about(files, owner="me"), "owner"),
    "an empty name": (lambda files: about(files, name=" "), "name"),
    "a share of two": (lambda files: about(files, share_refused=2.0), "share_refused"),
    "two equal categories": (
        lambda files: about(files, categories=[{"name": name, "phrases": []} for name in ("cat", "CAT")]),
        "two categories",
    ),
    "a name with a line break": (
        lambda files: about(files, categories=[{"name": name, "phrases": []} for name in ("a\nb", "c")]),
        "line break",
    ),
    "a missing photo": (lambda files: files.pop(next(name for name in files if "photos/" in name)), "is missing"),
    "another photo": (other_photo, "not the one"),
    "a foreign photo": (foreign_photo, "as Thimble stores"),
    "a path for a hash": (lambda files: line(files, "photos.jsonl", sha256="../../../etc/passwd"), "sha256"),
    "a category that is none": (lambda files: line(files, "photos.jsonl", category=9), "no category"),
    "a photo twice": (
        lambda files: files.update({"photos.jsonl": files["photos.jsonl"].splitlines(keepends=True)[0] * 2}),
        "twice",
    ),
    "a script for a page": (lambda files: line(files, "photos.jsonl", page="javascript:alert(1)"), "page"),
    "a moment without a zone": (lambda files: line(files, "photos.jsonl", added_at="2024-01-01T00:00:00"), "added_at"),
    "a number that is none": (
        lambda files: files.update(
            {"versions.jsonl": files["versions.jsonl"].replace(b'"accuracy":', b'"accuracy":NaN,"x":')}
        ),
        "versions.jsonl",
    ),
    "a version twice": (
        lambda files: files.update({"versions.jsonl": files["versions.jsonl"].splitlines(keepends=True)[0] * 2}),
        "twice",
    ),
    "a version's other file": (lambda files: files.update({"versions/2/heads.npz": b"x"}), "not those"),
    "a version's missing file": (lambda files: files.pop("versions/1/advice.json"), "is missing"),
    "a path for a file": (lambda files: line(files, "versions.jsonl", files={"../x.json": "0" * 64}), "files"),
    "a pickle": (
        lambda files: model(files, "photos.npz", packed({"labels.npy": pickle.dumps(Opened())}).getvalue()),
        "damaged",
    ),
    "an array of objects": (
        lambda files: model(
            files, "photos.npz", arrays(files["versions/2/photos.npz"], labels=np.array([Opened()], dtype=object))
        ),
        "damaged",
    ),
    "an array of terabytes": (lambda files: model(files, "photos.npz", claimed((10**12,))), "damaged"),
    "an array of negative length": (lambda files: model(files, "photos.npz", claimed((-1, -1))), "damaged"),
    "packed arrays": (
        lambda files: model(
            files, "photos.npz", packed({"a.npy": bytes(10**8)}, compress=zipfile.ZIP_DEFLATED).getvalue()
        ),
        "damaged",
    ),
    "a head of another width": (
        lambda files: model(
            files,
            "heads.npz",
            arrays(
                files["versions/2/heads.npz"],
                **{
                    name: value[:-1] if value.ndim else value
                    for name, value in np.load(io.BytesIO(files["versions/2/heads.npz"])).items()
                },
            ),
        ),
        "damaged",
    ),
    "a model of other categories": (with_bundle(categories=["a\nb", "c"]), "line break"),
    "a model of a newer Thimble": (with_bundle(format=99), "Update Thimble"),
    "a model without a mode": (with_bundle(mode="none"), "damaged"),
    "a model that is no object": (lambda files: model(files, "bundle.json", b"[]"), "damaged"),
    "a correction of no photo": (lambda files: line(files, "corrections.jsonl", sha256="0" * 64), "is missing"),
    "a correction from nowhere": (lambda files: line(files, "corrections.jsonl", origin="post"), "origin"),
    "an endless line": (lambda files: files.update({"photos.jsonl": b" " * 5_000_000}), "too long"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_broken_or_hostile_file_is_refused_in_words_and_leaves_nothing(
    kind: str, kept: bytes, empty: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spoil, words = HOSTILE[kind]
    files = contents(kept)
    spoil(files)
    with pytest.raises(BadInput) as caught:
        restore(empty, packed(files))
    assert words in str(caught.value)
    assert not caught.value.message.endswith("..")
    assert nothing_of(empty)
    assert not list(tmp_path.iterdir())


def test_a_file_cut_short_or_changed_anywhere_is_refused(kept: bytes, empty: Store) -> None:
    for end in (0, 3, 100, len(kept) // 2, len(kept) - 1):
        with pytest.raises(BadInput):
            restore(empty, io.BytesIO(kept[:end]))
    for at in range(1_000, len(kept), len(kept) // 12):
        changed = bytearray(kept)
        changed[at] ^= 0xFF
        try:
            restored = restore(empty, io.BytesIO(changed))
        except BadInput:
            continue
        again = io.BytesIO()  # what was changed means nothing
        backup(empty, restored.id, again)
        assert again.getvalue() == kept
        empty.delete_project(restored.id)
    assert nothing_of(empty)


def test_more_photos_than_can_be_brought_in_are_refused_on_both_ways(
    trained: tuple[Store, Project], kept: bytes, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = len(trained[0].photos.of(trained[1].id))
    for module in (backing_up, drafts):
        monkeypatch.setattr(module, "MOST_PHOTOS", there - 1)
    file = io.BytesIO()
    with pytest.raises(BadInput, match="at most"):
        backup(trained[0], trained[1].id, file)
    assert file.getvalue() == b""
    with pytest.raises(BadInput, match="more than"):
        restore(empty, io.BytesIO(kept))
    assert nothing_of(empty)


@pytest.mark.parametrize("kind", ["one endless line", "many long lines", "arrays"])
def test_a_bomb_is_refused_before_it_fills_memory_or_disk(kind: str, kept: bytes, empty: Store) -> None:
    files = contents(kept)
    if kind == "one endless line":
        files["photos.jsonl"] = bytes(80_000_000)
    elif kind == "many long lines":
        one = files["photos.jsonl"].splitlines()[0]
        files["photos.jsonl"] = b"\n".join(one + b" " * 3_000_000 for _ in range(25))
    else:
        arrays_of_zeros = packed({"labels.npy": bytes(80_000_000)}, compress=zipfile.ZIP_DEFLATED)
        model(files, "photos.npz", arrays_of_zeros.getvalue())
    bomb = packed(files, compress=zipfile.ZIP_DEFLATED)
    del files
    tracemalloc.start()
    try:
        with pytest.raises(BadInput):
            restore(empty, bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000
    assert nothing_of(empty)


def test_all_together_is_bounded_by_the_size_of_the_file(
    kept: bytes, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "SMALL_BYTES", 0)
    monkeypatch.setattr(restoring, "MAX_RATIO", 0.5)
    with pytest.raises(BadInput, match="far more than it takes"):
        restore(empty, io.BytesIO(kept))
    assert nothing_of(empty)


def test_two_members_of_one_name_and_locked_ones_are_refused(kept: bytes, empty: Store) -> None:
    twice = io.BytesIO(kept)
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("project.json", b"{}")
    with pytest.raises(BadInput, match="two files of one name"):
        restore(empty, twice)
    locked = bytearray(kept)
    (listing,) = struct.unpack("<I", kept[-6:-2])
    at = listing + 8  # the flags of the first member
    locked[at : at + 2] = struct.pack("<H", 1)
    with pytest.raises(BadInput, match="password"):
        restore(empty, io.BytesIO(locked))
    assert nothing_of(empty)


def test_a_backup_of_before_makers_were_named_is_restored(kept: bytes, elsewhere: Store) -> None:
    files = contents(kept)
    older = {name: value for name, value in json.loads(files["project.json"]).items() if name != "maker"}
    files["project.json"] = json.dumps(older | {"thimble": 1}).encode()
    restored = restore(elsewhere, packed(files))
    assert restored.maker == ""
    assert len(elsewhere.models.versions(restored.id)) == 2


def test_a_version_of_an_older_thimble_is_left_out_and_named(kept: bytes, elsewhere: Store) -> None:
    files = contents(kept)
    known = json.loads(files["versions/1/bundle.json"])
    files["versions/1/bundle.json"] = json.dumps(known | {"format": 1}).encode()
    first, second = (json.loads(each) for each in files["versions.jsonl"].splitlines())
    second["files"]["bundle.json"] = hashlib.sha256(files["versions/1/bundle.json"]).hexdigest()
    files["versions.jsonl"] = b"".join(json.dumps(each).encode() + b"\n" for each in (first, second))
    imported = read_backup(elsewhere, packed(files))
    (left_out,) = imported.refused
    assert left_out.name == "version 1"
    assert "Train it again" in left_out.reason
    assert imported.added == len(elsewhere.photos.of(imported.project.id))
    (remaining,) = elsewhere.models.versions(imported.project.id)
    assert (remaining.number, remaining.is_live) == (2, True)


def test_stopped_by_the_person_it_leaves_nothing(kept: bytes, empty: Store) -> None:
    def stop(fraction: float, words: str) -> None:
        assert 0 <= fraction <= 1
        if "7" in words:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        read_backup(empty, io.BytesIO(kept), on_progress=stop)
    assert nothing_of(empty)


KILLED = """
import os, signal, sys
from pathlib import Path
from core.data.store import Store
from core.data.store import draft, version_rows
from core.serve.restore import read_backup

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

moment = sys.argv[3]
if moment == "publishing":
    version_rows.insert_version = die
read_backup(
    Store(Path(sys.argv[1])),
    open(sys.argv[2], "rb"),
    on_progress=lambda fraction, words: die() if moment in words else None,
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["5 photos", "Restored", "publishing"])
def test_killed_in_the_middle_no_half_project_is_there(
    moment: str, kept: bytes, elsewhere: Store, tmp_path: Path
) -> None:
    (tmp_path / "kept.thimble").write_bytes(kept)
    command = [sys.executable, "-c", KILLED, str(elsewhere.home), str(tmp_path / "kept.thimble"), moment]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    again = Store(elsewhere.home)
    assert again.projects() == []
    assert not list((again.home / "files").glob("photos/*/*.jpg"))
    for folder in (again.home / "files" / "unfinished").iterdir():
        os.rename(folder, folder.with_name(f"1-{folder.name.partition('-')[2]}"))  # as if days had gone by
    again.close()
    swept = Store(elsewhere.home)
    assert nothing_of(swept)
    restored = restore(swept, io.BytesIO(kept))
    assert swept.projects() == [restored]
    swept.close()


def test_a_sweep_meanwhile_takes_nothing_away(kept: bytes, elsewhere: Store) -> None:
    def sweep(fraction: float, words: str) -> None:
        project = elsewhere.create_project("Short-lived")
        category = elsewhere.add_category(project.id, "disc")
        elsewhere.photos.add(category.id, jpeg("disc", 0), "also there.jpg")
        elsewhere.delete_project(project.id)

    project = read_backup(elsewhere, io.BytesIO(kept), on_progress=sweep).project
    for photo in elsewhere.photos.of(project.id):
        decode(elsewhere.photos.read(photo.sha256))


def test_pictures_stay_as_they_were_though_this_thimble_would_pack_them_otherwise(
    kept: bytes, elsewhere: Store
) -> None:
    files = contents(kept)
    first = json.loads(files["photos.jsonl"].splitlines()[0])
    data = io.BytesIO()
    Image.fromarray(decode(files[f"photos/{first['sha256']}.jpg"])).save(data, "JPEG", quality=80)
    assert encode(decode(data.getvalue())) != data.getvalue()
    sha256 = hashlib.sha256(data.getvalue()).hexdigest()
    files[f"photos/{sha256}.jpg"] = data.getvalue()
    line(files, "photos.jsonl", sha256=sha256)
    restored = restore(elsewhere, packed(files))
    assert elsewhere.photos.read(elsewhere.photos.of(restored.id)[0].sha256) == data.getvalue()
