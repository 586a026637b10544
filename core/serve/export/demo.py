"""An export that is a demo ready to push: a small Streamlit app with the model, which needs no Thimble.

Streamlit Community Cloud takes the folder as it is; a Hugging Face Space takes it through its Dockerfile, since Spaces
offer Streamlit no longer by itself (April 2025).
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import cast

ASSETS = Path(__file__).parent / "demo"
AS_THEY_ARE = ("requirements.txt", "Dockerfile", ".streamlit/config.toml")
LARGE_FILES = b"*.onnx filter=lfs diff=lfs merge=lfs -text\n"  # hosts take a file of this size only so

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&=^:])")


def demo_files(onnx: bytes, about: Mapping[str, object]) -> dict[str, bytes]:
    """The folder's files by name. The same model and words give the same bytes.

    `onnx` takes "photo", uint8 (1, height, width, 3), and gives "probabilities" (1, categories) and "strangeness" (1,).
    `about` holds "project", "version", "categories" in the order of the probabilities, the "threshold" above which a
    photo is none of these, and "words", which say how good the model is.
    """
    categories = cast(Sequence[str], about["categories"])
    labels = {key: about[key] for key in ("project", "version", "words", "threshold")} | {
        "categories": list(categories)
    }
    readme = Template((ASSETS / "README.md").read_text("utf-8")).substitute(
        title=json.dumps(about["project"], ensure_ascii=False),  # a JSON string is a YAML string
        project=_plain(str(about["project"])),
        categories=", ".join(_plain(name) for name in categories),
        words=_plain(str(about["words"])),
        version=about["version"],
    )
    return {
        "app.py": (ASSETS / "app.py.txt").read_bytes(),  # named so that nothing here takes it for a part of Thimble
        **{name: (ASSETS / name).read_bytes() for name in AS_THEY_ARE},
        "README.md": readme.encode(),
        "labels.json": json.dumps(labels, ensure_ascii=False, indent=1, allow_nan=False).encode(),
        "model.onnx": onnx,
        ".gitattributes": LARGE_FILES,
    }


def _plain(text: str) -> str:
    """The text as it was typed, where Markdown is read."""
    return _MARKUP.sub(r"\\\1", text)
