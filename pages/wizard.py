"""The page list, the steps that are always in sight, and the one door where an error becomes words on a page."""

import streamlit as st

from core.errors import AppError, NotFound
from pages import categories, credits, home, photos, review, share, train, try_it
from pages.parts import session, steps
from pages.parts.words import show_error

st.set_page_config(page_title="Thimble", page_icon=":material/photo_camera:", layout="wide")

PAGES = {
    "home": st.Page(home.page, title="Thimble", url_path="home", default=True),
    "categories": st.Page(categories.page, title="Categories", url_path="categories"),
    "photos": st.Page(photos.page, title="Photos", url_path="photos"),
    "train": st.Page(train.page, title="Train", url_path="train"),
    "try": st.Page(try_it.page, title="Try", url_path="try"),
    "share": st.Page(share.page, title="Share", url_path="share"),
    "review": st.Page(review.page, title="Corrections", url_path="review"),
    "credits": st.Page(credits.page, title="Credits", url_path="credits"),
}

# Streamlit leaves room at the top for a toolbar that is hidden here.
LAYOUT = "<style>.stMainBlockContainer { padding-top: 2rem; padding-bottom: 4rem; }</style>"


def run() -> None:
    """Draw the page that the address names."""
    page = st.navigation(list(PAGES.values()), position="hidden")
    st.html(LAYOUT)
    with st.container(horizontal_alignment="center"), st.container(width=1040, gap="small", key="page"):
        try:
            session.trainers()
            steps.draw(PAGES, session.current_project())
            page.run()
        except NotFound as error:
            show_error(error)
            st.page_link(PAGES["home"], label="To my projects", icon=":material/home:")
        except AppError as error:
            show_error(error)


run()
