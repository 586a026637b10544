"""Thimble in the browser: one process, one port. Start it with `streamlit run streamlit_app.py`."""

import streamlit as st

app = st.App("pages/wizard.py")
