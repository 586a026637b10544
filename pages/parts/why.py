"""Why an answer: where in the photo the model looked, and the training photos that it finds most alike."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.data.photo import decode, encode
from core.data.store import Store
from core.errors import NotFound
from core.model.bundle import Bundle
from core.model.explain import Explanation, explain, overlay
from core.model.select import Mode
from pages.parts import cards, session
from pages.parts.words import plain

THUMBNAIL = 80  # pixels; five in a row on a desk, three on a phone
WHOLE = (0.0, 0.0, 1.0, 1.0)


def draw(
    store: Store,
    bundle: Bundle,
    mode: Mode,
    photo: tuple[str, bytes],
    side: int,
    looked: DeltaGenerator,
    alike: DeltaGenerator,
    key: str,
) -> None:
    """In `looked` the photo with its heat, no side longer than `side` pixels; in `alike` the training photos."""
    pixels = decode(photo[1])
    explanation = explain(bundle, session.predictors(), pixels, mode=mode)
    height, width = pixels.shape[:2]
    with looked:
        words = f"Where it looked in {photo[0]}"
        picture = encode(overlay(pixels, explanation))
        st.image(picture, width=round(width * side / max(width, height)), alt=words)
        st.caption(where(explanation))
    with alike:
        _alike(store, bundle, explanation, key)


def where(explanation: Explanation) -> str:
    """What the colours and the box mean."""
    name = plain(explanation.answer)
    if not explanation.heat.any():
        return f"No part of it speaks more for {name} than another."
    unseen = "" if explanation.seen == WHOLE else " It did not look at what is greyed."
    return f"The brighter, the more it speaks for {name}; the box holds what speaks most.{unseen}"


def _alike(store: Store, bundle: Bundle, explanation: Explanation, key: str) -> None:
    """The training photos most like this one, but for those deleted since."""
    found = []
    for each in explanation.alike:
        sha256 = bundle.memory.sha256[each.position]
        try:
            store.photos.thumbnail(sha256)
        except NotFound:
            continue
        found.append((sha256, each.category))
    if not found:
        return
    st.markdown("**The most alike photos that it learnt from**")
    cards.row(store, found, THUMBNAIL, key=f"alike-{key}")
