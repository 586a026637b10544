"""The charts of a report and of an answer, in the page's own colours."""

from collections.abc import Mapping
from importlib import import_module

import plotly.graph_objects as go
import streamlit as st

from core.model.evaluate import Report

# Plotly looks into pandas wherever something has begun to import it; a chart drawn in the middle of that import, which
# Streamlit begins when another person's page needs it, would fail.
import_module("pandas")

ROW = 34  # pixels of a bar and the space around it
NO_TOOLS = {"displayModeBar": False}


def scores(probabilities: Mapping[str, float], key: str) -> None:
    """A bar for each category's probability, the likeliest on top."""
    names = list(probabilities)
    shares = [probabilities[name] for name in names]
    figure = go.Figure(
        go.Bar(
            x=shares,
            y=[_label(name) for name in names],
            orientation="h",
            text=[f"{share:.0%}" for share in shares],
            textposition="auto",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    words = ", ".join(f"{name} {share:.0%}" for name, share in probabilities.items())
    _bars(figure, len(names), f"Probability of each category: {words}", key)


def found_again(report: Report, key: str) -> None:
    """Of each category's photos, the share that was recognised (recall)."""
    shares = [score.recall or 0.0 for score in report.categories]
    names = [score.name for score in report.categories]
    figure = go.Figure(
        go.Bar(
            x=shares,
            y=[_label(name) for name in names],
            orientation="h",
            text=[f"{share:.0%}" for share in shares],
            textposition="auto",
            cliponaxis=False,
            hovertext=[f"{score.name}: {score.photos} photos" for score in report.categories],
            hoverinfo="text",
        )
    )
    words = ", ".join(f"{name} {share:.0%}" for name, share in zip(names, shares, strict=True))
    _bars(figure, len(names), f"Recognised photos of each category: {words}", key)


def confusion(report: Report, key: str) -> None:
    """Which category (row) was taken for which (column), in photos."""
    names = [_label(score.name) for score in report.categories]
    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in report.confusion],
            x=names,
            y=names,
            text=[[str(number or "") for number in row] for row in report.confusion],
            texttemplate="%{text}",
            hovertemplate="%{y} taken for %{x}: %{z}<extra></extra>",
            colorscale="Teal",
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    figure.update_yaxes(autorange="reversed", title="it was", type="category")
    figure.update_xaxes(title="taken for", type="category", side="bottom")
    figure.update_layout(height=ROW * len(names) + 160, margin={"l": 0, "r": 0, "t": 8, "b": 0})
    st.plotly_chart(
        figure,
        config=NO_TOOLS,
        key=key,
        alt="Table of mistakes: rows are the true categories, columns the answers",
    )


def _bars(figure: go.Figure, bars: int, alt: str, key: str) -> None:
    figure.update_xaxes(range=[0, 1.06], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", type="category", fixedrange=True)
    figure.update_traces(textfont_size=14, textangle=0)
    figure.update_layout(
        font_size=14,
        height=ROW * bars + 16,
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        bargap=0.35,
        showlegend=False,
    )
    st.plotly_chart(figure, config=NO_TOOLS, key=key, alt=alt)


def _label(name: str) -> str:
    """A name as an axis shows it: short, and text only, since plotly reads some HTML."""
    short = name if len(name) <= 22 else f"{name[:21]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
