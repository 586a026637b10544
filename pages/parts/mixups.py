"""Which categories are mixed up, with the photos side by side: what each is, and what it was taken for."""

import streamlit as st

from core.data.store import KEPT_BY_PERSON, Store
from core.model.advice import MixUp, mix_ups, most_alike
from pages.parts import cards
from pages.parts.live import Live
from pages.parts.words import count, plain

MOST_PAIRS = 8
AT_ONCE = 6  # cards drawn: two rows on a desk
WIDTH = 336  # pixels; three in a row on a desk, one on a phone
THUMBNAIL = 140


def draw(store: Store, live: Live) -> None:
    """The section; nothing where no photo was mistaken."""
    memory = live.bundle.memory
    found = mix_ups(memory.labels, live.kept_out, MOST_PAIRS)
    if not found:
        return
    st.subheader("Most often mixed up")
    mixed = _choose(live, found)
    one, two = (live.bundle.categories[at] for at in mixed.pair)
    st.caption(
        f"{count(len(mixed.photos), 'photo')} of {plain(one)} or {plain(two)} taken for the other, those it was surest "
        "of first. Beside each is the photo most like it among those that it was taken for."
    )
    pages = -(-len(mixed.photos) // AT_ONCE)
    key = f"{live.version.number}-{live.mode}-{mixed.pair[0]}-{mixed.pair[1]}"
    number = st.pagination(pages, key=f"mix-up-page-{key}") if pages > 1 else 1
    with st.container(horizontal=True, gap="small", key="mix-ups"):
        for at in mixed.photos[(number - 1) * AT_ONCE : number * AT_ONCE]:
            _card(store, live, at)


def _choose(live: Live, found: tuple[MixUp, ...]) -> MixUp:
    if len(found) == 1:
        return found[0]

    def words(at: int) -> str:
        one, two = (live.bundle.categories[number] for number in found[at].pair)
        return f"{one} and {two} · {len(found[at].photos)}"

    chosen = st.selectbox(
        "Categories",
        range(len(found)),
        format_func=words,
        key=f"mix-up-{live.version.number}-{live.mode}",
        label_visibility="collapsed",
    )
    return found[chosen or 0]


def _card(store: Store, live: Live, at: int) -> None:
    memory, probabilities = live.bundle.memory, live.kept_out[at]
    answer = int(probabilities.argmax())
    name = live.bundle.categories[answer]
    photo, target = live.photo(at), live.categories.get(name)
    with st.container(border=True, width=WIDTH, gap="xsmall", key=f"mix-up-card-{memory.sha256[at][:16]}"):
        like = memory.sha256[most_alike(memory.features, memory.labels, at, answer)]
        with st.container(horizontal=True, gap="small"):
            sha256 = memory.sha256[at]
            if sha256 in live.photos:
                cards.picture(store, sha256, THUMBNAIL, live.name(at) if photo else _now_in(live, sha256))
            if like in live.photos:
                cards.picture(store, like, THUMBNAIL, name)
        st.caption(f"Taken for {cards.short(name)}, {probabilities.max():.0%} sure.")
        if photo is None:
            st.markdown(f":material/check_circle: {'Moved' if sha256 in live.photos else 'Set aside'}.")
            return
        if target is None:
            return
        if photo.reason == KEPT_BY_PERSON:
            st.markdown(":material/check_circle: You said it is right.")
            return
        with st.container(horizontal=True, gap="small"):
            cards.move_button(store, photo, target, key=f"mix-up-move-{photo.id}")
            if st.button("It is right", key=f"mix-up-keep-{photo.id}", icon=":material/check:"):
                store.photos.set_kept([photo.id], True, KEPT_BY_PERSON, undoable=True)
                st.rerun()


def _now_in(live: Live, sha256: str) -> str:
    where = live.photos[sha256].category_id
    names = [name for name, category in live.categories.items() if category.id == where]
    return f"now in {names[0]}" if names else "no longer in a category"
