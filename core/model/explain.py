"""Why a model answers as it does: where in the photo its heads looked, and which training photos are most alike.

A feature is the average of its map over the places of a view, so what it adds to a logit can be shared out over these
places in proportion to the map (class activation mapping: Zhou et al. 2016). A linear head's logit is the sum of what
its features add. A hidden head's is too, once each feature is taken at the slope it has for this photo (gradient ×
input: Shrikumar et al. 2016), because a ReLU is straight on either side. So nothing is lost: over all places the
evidence adds up to the logits, but for the biases, which belong to no place.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.photo import Pixels
from core.errors import BadInput
from core.model.backbones import BACKBONES
from core.model.bundle import Bundle
from core.model.classifier import Member
from core.model.embed import Look
from core.model.embedder import Embedders
from core.model.features import Key, Matrix, normalise
from core.model.head import Floats
from core.model.hidden import HiddenHead
from core.model.select import Mode

Box = tuple[float, float, float, float]  # left, top, right, bottom, in fractions of the photo
Maps = tuple[NDArray[np.float32], ...]  # of each cut (height, width, features)

ALIKE = 5  # training photos that are named

# Measured on emoji, drawings and game figures pasted at random places on photos of textures: smoothed, the strongest
# place lay on the thing in 79 of 100 instead of 70; boxes of 0.3 to 0.5 fitted the thing equally well.
_BLUR = 0.06  # standard deviation, in shorter sides of what was looked at: about half a cell of the last maps
_BOXED = 0.4  # share of the strongest heat that a box holds
_NOTHING = 1e-12  # evidence on a pixel, in logits, below which it is rounding error: usual is a millionth

# From black over purple and orange to light yellow, evenly brighter to the eye (inferno: Smith & van der Walt 2015).
_RAMP = np.array(
    [
        (0, 0, 4),
        (31, 12, 72),
        (85, 15, 109),
        (136, 34, 106),
        (186, 54, 85),
        (227, 89, 51),
        (249, 140, 10),
        (249, 201, 50),
        (252, 255, 164),
    ],
    np.float32,
)
_COVER = 0.75  # of the photo, that the strongest heat hides
_FADE = 0.5  # towards grey, of what was not looked at
_GREY = 128
_OUTLINE = 1 / 160  # of the longer side


@dataclass(frozen=True)
class Alike:
    """A training photo: its position in the bundle's memory, its category, and how alike it is (cosine, 0 to 1)."""

    position: int
    category: str
    likeness: float


@dataclass(frozen=True)
class Explanation:
    """Where the heads saw `answer` rather than another category, and the training photos most like this one.

    heat (height, width) float32, 0 to 1, on the photo's own pixels: 1 where most spoke for the answer, 0 where no more
    did than on average, or where nothing was looked at. Only inside `seen` was looked. `box` is around the strongest
    region. `alike` is most alike first.
    """

    answer: str
    heat: NDArray[np.float32] = field(repr=False)
    seen: Box
    box: Box
    alike: tuple[Alike, ...]


def explain(
    bundle: Bundle, embedders: Embedders, pixels: Pixels, *, mode: Mode | None = None, answer: str | None = None
) -> Explanation:
    """Why the `mode` (the advised one) would say `answer` (the likeliest) of a photo.

    It takes as many forward passes as an answer. Raises BadInput for a category that the model does not know.
    """
    mode = mode or bundle.mode
    classifier = bundle.classifiers[mode]
    if answer is not None and answer not in bundle.categories:
        raise BadInput(f"The model knows no category '{answer}'.", hint=f"It knows {', '.join(bundle.categories)}.")
    image = Image.fromarray(pixels)
    looks = [Look(embedders[backbone], view) for backbone, view in classifier.looks]
    maps = {look.key: look.embedder.maps(look.at(image)) for look in looks}
    rows = {key: row_of(each) for key, each in maps.items()}
    probabilities = classifier.probabilities(rows)[0]
    at = int(probabilities.argmax()) if answer is None else bundle.categories.index(answer)
    towards = contrast(probabilities, at)

    height, width = pixels.shape[:2]
    drawn: dict[str, list[Floats]] = defaultdict(list)
    for member in classifier.members:
        for (_, view), found in evidence(member, maps, towards).items():
            drawn[view] += [member.weight * each for each in found]
    seen = _seen(drawn, height, width)
    total = np.zeros((height, width))
    for view, each in drawn.items():
        part = _seen([view], height, width)
        total[part] += _drawn(view, each, total[part].shape)
    heat = np.zeros((height, width), np.float32)
    heat[seen] = _heat(total[seen])
    if bundle.reference not in rows:
        look = Look(embedders[bundle.reference[0]], bundle.reference[1])
        rows[bundle.reference] = look.embedder.embed(look.at(image)[np.newaxis])
    return Explanation(
        answer=bundle.categories[at],
        heat=heat,
        seen=_fractions(seen, height, width),
        box=_fractions(_strongest(heat) or seen, height, width),
        alike=_alike(bundle, rows),
    )


def row_of(maps: Maps) -> Matrix:
    """The row (1, backbone.row) of the view that has these maps."""
    return np.concatenate([each.mean(axis=(0, 1)) for each in maps])[np.newaxis]


def contrast(probabilities: Floats, at: int) -> Floats:
    """Weights (categories,) of the logits: 1 for the category `at`, against the mean of the others as likely as each
    of them is.
    """
    others = np.maximum(probabilities, np.finfo(np.float64).tiny)
    others[at] = 0
    towards: Floats = -others / others.sum()
    towards[at] = 1
    return towards


def evidence(member: Member, maps: Mapping[Key, Maps], towards: Floats) -> dict[Key, list[Floats]]:
    """What each place of each view adds to `towards` · logits: arrays (height, width), as the view shows the photo.

    The sum over all of them is `towards` · (logits − bias) for a linear head. A hidden head's biases count as far as
    they reach the logits through units that are on.
    """
    features = member.features
    rows = {look: row_of(maps[look]) for look in features.looks}
    slopes = _slopes(member, features.matrix(rows), towards) / np.sqrt(len(features.parts))
    found: dict[Key, list[Floats]] = {look: [] for look in features.looks}
    start = 0
    for name, cut in features.parts:
        columns = BACKBONES[name].columns[cut]
        slope = slopes[start : (start := start + BACKBONES[name].cuts[cut].features)]
        # As in `features.part`: the mean over the views is brought to length 1 again.
        seen = [normalise(rows[name, view][:, columns])[0].astype(np.float64) for view in features.views]
        length = max(float(np.linalg.norm(np.mean(seen, axis=0))), 1e-6) * len(seen)
        for view, each in zip(features.views, seen, strict=True):
            strength = np.abs(maps[name, view][cut]).astype(np.float64)
            all_over = strength.sum(axis=(0, 1))
            worth = np.divide(slope * each / length, all_over, where=all_over > 0, out=np.zeros_like(all_over))
            found[name, view].append(strength @ worth)
    return found


def stretch(cells: int, length: int) -> Floats:
    """Bilinear weights (length, cells) that spread cells over so many pixels and keep their sum."""
    places = np.clip((np.arange(length) + 0.5) * cells / length - 0.5, 0, cells - 1)
    reach = max(1.0, cells / length)  # where cells are smaller than pixels, a pixel takes in several
    weights = np.maximum(0, 1 - np.abs(places[:, np.newaxis] - np.arange(cells)) / reach)
    kept: Floats = weights / weights.sum(axis=0)
    return kept


def overlay(pixels: Pixels, explanation: Explanation) -> Pixels:
    """The explained photo with its heat over it, its box outlined, and what was not looked at faded to grey."""
    height, width = pixels.shape[:2]
    heat = explanation.heat[:, :, np.newaxis]
    steps = np.linspace(0, 1, len(_RAMP))
    colours = np.stack([np.interp(explanation.heat, steps, channel) for channel in _RAMP.T], axis=2)
    mixed = pixels + (_COVER * heat) * (colours - pixels)
    faded = np.ones((height, width), dtype=np.bool_)
    faded[_pixels(explanation.seen, height, width)] = False
    mixed[faded] += _FADE * (_GREY - mixed[faded])
    rows, columns = _pixels(explanation.box, height, width)
    thick = max(1, round(_OUTLINE * max(height, width)))
    # White within black, to stand out from whatever is below.
    for colour, inset in ((0, 0), (255, thick)):
        frame = np.zeros((height, width), dtype=np.bool_)
        frame[_inset(rows, inset), _inset(columns, inset)] = True
        frame[_inset(rows, inset + thick), _inset(columns, inset + thick)] = False
        mixed[frame] = colour
    return mixed.round().astype(np.uint8)


def _slopes(member: Member, features: Matrix, towards: Floats) -> Floats:
    """How fast `towards` · logits grows with each feature (d,), at the features (1, d) of this photo."""
    head = member.head
    if isinstance(head, HiddenHead):
        on = (features @ head.kernel_1 + head.bias_1)[0] > 0
        return np.asarray(head.kernel_1 @ (on * (head.kernel_2 @ towards)), np.float64)
    return np.asarray(head.kernel @ towards, np.float64)


def _drawn(view: str, found: Sequence[Floats], shape: tuple[int, ...]) -> Floats:
    """The evidence of a view's maps above that of their average place, smoothed and added up on the photo's pixels.

    Some of a category's evidence is found all over any photo. Without it a tenth more of the heat lay on the thing.
    """
    from scipy import ndimage

    total = np.zeros(shape)
    blur = _BLUR * min(shape)
    for each in found:
        upright = each[:, ::-1] if view == "mirror" else each
        # Weights blurred beforehand give what blurring the picture would, in a fraction of the time.
        rows, columns = (
            ndimage.gaussian_filter1d(stretch(cells, length), blur, axis=0)
            for cells, length in zip(each.shape, shape, strict=True)
        )
        total += rows @ (upright - upright.mean()) @ columns.T
    return total


def _heat(total: Floats) -> NDArray[np.float32]:
    above = np.maximum(total, 0)
    strongest = above.max()
    return (above / strongest if strongest > _NOTHING else np.zeros_like(above)).astype(np.float32)


Part = tuple[slice, slice]  # rows and columns of the photo's pixels


def _strongest(heat: NDArray[np.float32]) -> Part | None:
    """Around the connected region above _BOXED that has most heat; nothing for a photo without heat."""
    from scipy import ndimage

    if not heat.any():
        return None
    numbered, count = ndimage.label(heat >= _BOXED)
    most = int(np.argmax(ndimage.sum_labels(heat, numbered, np.arange(1, count + 1))))
    rows, columns = ndimage.find_objects(numbered)[most]
    return rows, columns


def _seen(views: Mapping[str, object] | Sequence[str], height: int, width: int) -> Part:
    """What the views show together: the whole photo, or its largest centred square."""
    if "squash" in views:
        return slice(0, height), slice(0, width)
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return slice(top, top + short), slice(left, left + short)


def _fractions(part: Part, height: int, width: int) -> Box:
    rows, columns = part
    return columns.start / width, rows.start / height, columns.stop / width, rows.stop / height


def _pixels(box: Box, height: int, width: int) -> Part:
    left, top, right, bottom = box
    return slice(round(top * height), round(bottom * height)), slice(round(left * width), round(right * width))


def _inset(span: slice, by: int) -> slice:
    return slice(span.start + by, max(0, span.stop - by))


def _alike(bundle: Bundle, rows: Mapping[Key, Matrix]) -> tuple[Alike, ...]:
    memory = bundle.memory
    remembered = memory.features.astype(np.float32)
    lengths = np.linalg.norm(remembered, axis=1)
    likeness = np.clip(remembered @ bundle.seen(rows)[0] / np.maximum(lengths, 1e-6), 0, 1)
    nearest = np.argsort(-likeness, kind="stable")[:ALIKE]
    return tuple(Alike(int(at), bundle.categories[memory.labels[at]], float(likeness[at])) for at in nearest)
