"""The charts of a report and of an answer, in the page's own colours."""

from collections.abc import Mapping
from importlib import import_module

import plotly.graph_objects as go
import streamlit as st

from core.model.evaluate import Report
from core.model.forecast import Forecast
from core.model.subsamples import Curve
from core.serve.words import percent

# Plotly looks into pandas wherever something has begun to import it; a chart drawn in the middle of that import, which
# Streamlit begins when another person's page needs it, would fail.
import_module("pandas")

ROW = 34  # pixels of a bar and the space around it
LEAST = 0.003  # of the width; plotly leaves out a bar that is thinner, with its figure
MUTED = "#8a9591"  # to be seen on either theme
NO_TOOLS = {"displayModeBar": False}


def scores(probabilities: Mapping[str, float], key: str, *, muted: bool = False) -> None:
    """A bar for each category's probability, the likeliest on top; `muted`, grey and without figures."""
    names = list(probabilities)
    shares = [probabilities[name] for name in names]
    figure = go.Figure(
        go.Bar(
            x=[max(share, LEAST) for share in shares],
            y=[_label(name) for name in names],
            orientation="h",
            text=None if muted else [percent(share) for share in shares],
            marker={"color": MUTED} if muted else None,
            textposition="auto",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    words = ", ".join(names if muted else (f"{name} {percent(share)}" for name, share in probabilities.items()))
    alt = f"Categories, most like it first: {words}" if muted else f"Probability of each category: {words}"
    _bars(figure, len(names), alt, key)


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


def reliability(report: Report, key: str) -> None:
    """For answers about equally sure: a bar for how often they were right, and a mark for how sure they were."""
    bins = report.reliability[::-1]
    labels = [f"{each.sure:.0%} sure · {each.photos:,}" for each in bins]
    figure = go.Figure(
        [
            go.Bar(
                x=[each.right for each in bins],
                y=labels,
                orientation="h",
                text=[f"{each.right:.0%}" for each in bins],
                textposition="inside",
                insidetextanchor="start",
                hoverinfo="skip",
                name="right",
            ),
            go.Scatter(
                x=[each.sure for each in bins],
                y=labels,
                mode="markers",
                marker={"symbol": "line-ns-open", "size": 22, "line": {"width": 3}},
                hoverinfo="skip",
                name="as sure as it said",
            ),
        ]
    )
    words = ", ".join(f"{each.sure:.0%} sure, {each.right:.0%} right ({each.photos} photos)" for each in bins)
    _bars(figure, len(bins), f"How sure the answers were, and how often right: {words}", key, legend=True)


def learning_curve(curve: Curve, forecast: Forecast, key: str) -> None:
    """Accuracy with fewer photos, and what more should bring, with the 80 % interval as a band."""
    gain = forecast.everything
    figure = go.Figure()
    last, now = curve.learnt[-1], curve.accuracy[-1]
    if gain is not None:
        then = last + forecast.more
        low, middle, high = (min(1.0, now + each) for each in (gain.low, gain.expected, gain.high))
        figure.add_scatter(
            x=[last, then, then], y=[now, high, low], fill="toself", mode="none", hoverinfo="skip", name="likely"
        )
        figure.add_scatter(
            x=[last, then],
            y=[now, middle],
            mode="lines",
            line={"dash": "dot", "width": 3},
            hovertemplate="%{y:.0%} with %{x:.0f} photos<extra></extra>",
            name="expected",
        )
    figure.add_scatter(
        x=curve.learnt,
        y=curve.accuracy,
        mode="lines+markers",
        line={"width": 3},
        hovertemplate="%{y:.0%} with %{x:.0f} photos<extra></extra>",
        name="measured",
    )
    figure.update_xaxes(title="photos of each category to learn from", fixedrange=True, rangemode="tozero")
    figure.update_yaxes(title="right answers", tickformat=".0%", fixedrange=True)
    figure.update_layout(
        height=260, margin={"l": 0, "r": 0, "t": 8, "b": 0}, legend={"orientation": "h", "y": 1.1, "x": 0}
    )
    words = ", ".join(
        f"{right:.0%} with {photos:.0f}" for photos, right in zip(curve.learnt, curve.accuracy, strict=True)
    )
    st.plotly_chart(figure, config=NO_TOOLS, key=key, alt=f"Right answers by photos of each category: {words}")


def _bars(figure: go.Figure, bars: int, alt: str, key: str, *, legend: bool = False) -> None:
    figure.update_xaxes(range=[0, 1.06], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", type="category", fixedrange=True)
    figure.update_traces(textfont_size=14, textangle=0, selector={"type": "bar"})
    figure.update_layout(
        font_size=14,
        height=ROW * bars + (56 if legend else 16),
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        bargap=0.35,
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 0},
    )
    st.plotly_chart(figure, config=NO_TOOLS, key=key, alt=alt)


def _label(name: str) -> str:
    """A name as an axis shows it: short, and text only, since plotly reads some HTML."""
    short = name if len(name) <= 22 else f"{name[:21]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
