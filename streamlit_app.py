"""Thimble in the browser, its API and its shared pages: one process, one port. `streamlit run streamlit_app.py`."""

from importlib import import_module

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount

from core.serve.api import create_api
from core.serve.door import Door, door_routes
from core.serve.share import share_routes
from core.serve.state import state

import_module("pages.train")  # with charts and all they need: now, and not while the first visitor waits

app = st.App(
    "pages/wizard.py",
    routes=[Mount("/api", create_api(state())), *share_routes(state()), *door_routes(state())],
    middleware=[Middleware(Door, access=state().store.access)],
)
