"""A model that comes from outside: read without a pickle, bounded by its own size, and tried out before it is kept."""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.data.dataset import category_name
from core.errors import AppError, BadInput
from core.model.backbones import BACKBONES
from core.model.bundle import FILES, FORMAT, Bundle
from core.model.views import PREPROCESSING, VIEWS

_SHA256 = re.compile("[0-9a-f]{64}")


def read_foreign(files: Mapping[str, bytes]) -> Bundle | str:
    """The bundle in these files; or, for one that an older Thimble made, in words why this one cannot use it.

    Raises BadInput for one that is damaged, or that a newer Thimble made.
    """
    try:
        about = json.loads(files["bundle.json"])
        if _is_outdated(about):
            return _why_not(files)
        for name in FILES:
            if name.endswith(".npz"):
                _check_arrays(files[name])
        bundle = Bundle.from_files(files)
        with np.errstate(all="ignore"):
            _try_out(bundle)
    except AppError:
        raise
    except Exception as error:  # strangers' files break in any way at all
        raise BadInput("A model in it is damaged.", hint="Make the file again.") from error
    return bundle


def _is_outdated(about: Mapping[str, Any]) -> bool:
    """Made by a Thimble with other weights or another preprocessing, or by one before this FORMAT."""
    if about["format"] != FORMAT:
        return bool(about["format"] < FORMAT)
    known = {name: BACKBONES[name].weights_hash for name in about["backbones"] if name in BACKBONES}
    return bool(known != about["backbones"] or about["preprocessing"] != PREPROCESSING)


def _why_not(files: Mapping[str, bytes]) -> str:
    try:
        Bundle.from_files(files)
    except BadInput as error:
        return str(error)
    return "This model was made by another version of Thimble. Train it again."


def _check_arrays(data: bytes) -> None:
    """Raises ValueError unless these are plain arrays that take as much memory as their bytes here."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > len(data):
            raise ValueError("its arrays unpack to more than they take here")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename} is packed")
            with archive.open(member) as file:
                if np.lib.format.read_magic(file) != (1, 0):
                    raise ValueError(f"{member.filename} is of another kind")
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                # A header may claim any size, and memory for it is taken before the first number is read.
                if dtype.hasobject or _count(shape) * dtype.itemsize != member.file_size - file.tell():
                    raise ValueError(f"{member.filename} is not what it says")


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for length in shape:
        if length < 0:
            raise ValueError("an array of negative length")
        count *= length
    return count


def _try_out(bundle: Bundle) -> None:
    """Raises unless it answers in either mode and its parts fit one another."""
    names = bundle.categories
    photos = len(bundle.memory.sha256)
    fits = [
        len(set(names)) == len(names) >= 2,
        all(category_name(name) == name for name in names),
        set(bundle.classifiers) == set(bundle.reports) == set(bundle.novelty) == {"fast", "best"},
        bundle.mode in bundle.classifiers,
        all(_SHA256.fullmatch(sha256) for sha256 in bundle.memory.sha256),
        bundle.memory.labels.shape == (photos,),
        set(bundle.memory.labels.tolist()) <= set(range(len(names))),
        all(known.shape == (photos, len(names)) for known in bundle.memory.kept_out.values()),
    ]
    for mode in bundle.classifiers:
        looks = bundle.looks(mode)
        rows = {(name, view): np.ones((1, BACKBONES[name].row), np.float32) for name, view in looks}
        (answer,) = bundle.answer(rows, mode)
        fits += [
            all(view in VIEWS for _, view in looks),
            all(0 <= share <= 1 for share in (answer.nearness, *answer.scores.values())),
            bundle.memory.features.shape == (photos, bundle.seen(rows).shape[1]),
        ]
    if not all(fits):
        raise ValueError("its parts do not fit one another")
