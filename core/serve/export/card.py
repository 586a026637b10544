"""What goes along with a model: its labels, its card, and the photos that it can be tried on."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from core.data.credits import site_of
from core.data.dataset import NONE_OF_THESE
from core.data.store import StoredPhoto
from core.model.backbones import BACKBONES
from core.model.bundle import Prediction
from core.model.evaluate import Report, in_words, most_confused
from core.serve.answers import Live
from core.serve.export.formats import FORMATS, Format, Tolerance
from core.serve.export.photos import ProofPhoto
from core.serve.export.proof import Expected, Proof

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-!|<>~$&])")


def about(live: Live) -> dict[str, object]:
    """What a program must know to use the model, ready for JSON."""
    return {
        "project": live.project.name,
        "version": live.version.number,
        "categories": list(live.bundle.categories),
        "threshold": live.bundle.novelty[live.mode].threshold,
        "none_of_these": NONE_OF_THESE,
        "words": f"It was {in_words(live.bundle.reports[live.mode])}.",
        "input": {
            "name": "photo",
            "type": "uint8",
            "shape": [1, "height", "width", 3],
            "what": "RGB, 0 to 255, upright, sRGB, transparency on white; if larger, brought to 640 pixels a side",
        },
        "outputs": {
            "probabilities": "float32 (1, categories): of each category, in their order",
            "strangeness": "float32 (1,): the photo is none of these when it is above the threshold",
        },
    }


def photo_files(shipped: Sequence[ProofPhoto], told: Expected) -> dict[str, bytes]:
    """The photos that go along, and what the model says of each."""
    names = [f"photos/{number}.jpg" for number in range(1, len(shipped) + 1)]
    answers = [
        _answer(name, photo, prediction, strangeness)
        for name, photo, prediction, strangeness in zip(
            names, shipped, told.predictions, told.strangeness.tolist(), strict=False
        )
    ]
    pictures = {name: photo.data for name, photo in zip(names, shipped, strict=True)}
    return pictures | {"photos/expected.json": as_json(answers)}


def _answer(name: str, photo: ProofPhoto, prediction: Prediction, strangeness: float) -> dict[str, object]:
    return {
        "photo": name,
        "answer": NONE_OF_THESE if prediction.is_none else prediction.label,
        "is_none": prediction.is_none,
        "probabilities": prediction.scores,
        "strangeness": strangeness,
        "credit": photo.credit,
    }


def model_card(
    live: Live, name: str, proof: Proof, shipped: Sequence[ProofPhoto], learnt_from: Iterable[StoredPhoto]
) -> str:
    """The model card, in Markdown: what it knows and was made of, how good it is, its limits, and the proof.

    `learnt_from` are the photos that it learnt from and that are still there.
    """
    form, report = FORMATS[name], live.bundle.reports[live.mode]
    parts = [
        f"# {plain(live.project.name)}, version {live.version.number}",
        f"An image classifier made {_by(live.project.maker)}with Thimble on {live.version.created_at:%Y-%m-%d}, as "
        f"{form.name}. It tells apart {_listed(live.bundle.categories)}, and says *{NONE_OF_THESE}* when a photo shows "
        "none of them.",
        *_use(form),
        *_scores(report, live.bundle.novelty[live.mode].refuse),
        *_data(live, list(learnt_from)),
        *_limits(live, report),
        *_proof(form, proof),
        *_photos(shipped),
    ]
    return "\n\n".join(parts) + "\n"


def _by(maker: str) -> str:
    return f"by {plain(maker)} " if maker else ""


def _use(form: Format) -> list[str]:
    if not form.model:
        return []
    serving = (
        ["For TensorFlow Serving, put the folder `1` into a folder of the model's name and name that as its base path."]
        if form.model == "1"
        else []
    )
    return [
        "## Use",
        f"`pip install numpy pillow {' '.join(form.needs)}`, then `python example.py photos/1.jpg`. The whole way from "
        f"pixels to the answer is inside `{form.model}`; `labels.json` says what goes in and what comes out, and above "
        "which strangeness a photo is none of these. `photos/expected.json` holds Thimble's own answers on the photos.",
        *serving,
    ]


def _scores(report: Report, refuse: float) -> list[str]:
    low, high = report.accuracy_interval
    rows = [
        f"| {plain(each.name)} | {each.photos:,} | {_share(each.recall)} | {_share(each.precision)} |"
        for each in report.categories
    ]
    return [
        "## How good it is",
        f"On photos kept out of learning it was {in_words(report)}. Accuracy {report.accuracy:.1%} (95 % interval "
        f"{low:.1%} to {high:.1%}), calibration error {report.expected_calibration_error:.3f}; about {refuse:.0%} of "
        "true photos are taken for none of these.",
        "\n".join(
            ["| category | photos | found of them | right when named |", "|---|---|---|---|", *rows],
        ),
    ]


def _data(live: Live, learnt_from: list[StoredPhoto]) -> list[str]:
    licences = Counter(photo.licence or "no licence stated" for photo in learnt_from if photo.page)
    sites = Counter(site_of(photo) for photo in learnt_from if photo.page)
    own = sum(not photo.page for photo in learnt_from)
    gone = len(live.bundle.memory.sha256) - len(learnt_from)
    told = [f"{own:,} of the maker's own"] if own else []
    told += [f"{count:,} from the web ({plain(licence)})" for licence, count in licences.most_common()]
    told += [f"{gone:,} that were deleted since"] if gone > 0 else []
    backbones = dict.fromkeys(backbone for backbone, _ in live.bundle.looks(live.mode))
    networks = ", ".join(
        f"[{BACKBONES[each].name}]({BACKBONES[each].source}) ({BACKBONES[each].licence})" for each in backbones
    )
    return [
        "## What it is made of",
        f"It learnt from {len(live.bundle.memory.sha256):,} photos: {', '.join(told)}."
        + (f" Most came from {_listed([site for site, _ in sites.most_common(3)])}." if sites else ""),
        f"It stands on {networks}, trained on ImageNet by their makers, who ask that their licence goes along.",
    ]


def _limits(live: Live, report: Report) -> list[str]:
    confused = most_confused(report)
    limits = [
        "It knows photos like those it learnt from; other light, other cameras and other kinds may fool it.",
        "It is sure of one category for the whole photo; it finds no places and counts nothing.",
        "Decide nothing about people by it.",
    ]
    if confused:
        truth, answer, times = confused
        often = "once" if times == 1 else f"{times:,} times"
        limits.append(f"Its commonest mistake: {plain(truth)} taken for {plain(answer)}, {often} in the test.")
    if live.bundle.all_alike:
        limits.append(f"Its photos of {_listed(live.bundle.all_alike)} look nearly the same, which flatters the score.")
    return ["## Limits", "\n".join(f"- {limit}" for limit in limits)]


def _proof(form: Format, proof: Proof) -> list[str]:
    allowed = form.tolerance
    return [
        "## Proof",
        f"Before this file was handed out, it answered {proof.photos:,} photos beside Thimble itself, those here among "
        "them:",
        "\n".join(
            [
                "| | found | allowed |",
                "|---|---|---|",
                f"| largest difference of a probability | {proof.probability:.2g} | {_most(allowed.probability)} |",
                f"| largest difference of strangeness | {proof.strangeness:.2g} | {_most(allowed.strangeness)} |",
                f"| same likeliest category | {proof.same_category:.1%} | {_least(allowed)} |",
                f"| same *{NONE_OF_THESE}* | {proof.same_none:.1%} | {_least(allowed)} |",
            ]
        ),
        *(["The model in it was run by itself, as ONNX."] if not form.model else []),
    ]


def _photos(shipped: Sequence[ProofPhoto]) -> list[str]:
    lines = [f"- `photos/{number}.jpg`: {plain(photo.credit)}" for number, photo in enumerate(shipped, start=1)]
    note = "Some are the maker's own: take them out before you publish this, if they are not for everybody."
    return ["## The photos here", "\n".join(lines), *([note] if any(photo.is_own for photo in shipped) else [])]


def as_json(value: object) -> bytes:
    """Readable JSON; raises ValueError for a number that JSON does not know."""
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).encode()


def plain(text: str) -> str:
    """The text as it was typed, on one line, where Markdown is read."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _listed(names: Sequence[str]) -> str:
    *first, last = [f"**{plain(name)}**" for name in names]
    return f"{', '.join(first)} and {last}" if first else last


def _share(fraction: float | None) -> str:
    return "–" if fraction is None else f"{fraction:.0%}"


def _most(limit: float | None) -> str:
    return "any" if limit is None else f"at most {limit:g}"


def _least(tolerance: Tolerance) -> str:
    return "all" if tolerance.agreement == 1 else f"at least {tolerance.agreement:.0%}"
