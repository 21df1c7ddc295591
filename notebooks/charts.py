"""Charts of the notebook: a series with its band, a sweep, and precision against delay."""

import altair as alt
import polars as pl

Layers = alt.LayerChart | alt.FacetChart
_WIDTH, _HEIGHT = 760, 260
_DECISIONS = alt.Scale(domain=["opens", "grows", "held"], range=["#d62728", "#ff7f0e", "#7f7f7f"])
_VERDICTS = alt.Scale(domain=["confirmed", "rejected"], range=["#2ca02c", "#9467bd"])


def series_chart(walk: pl.DataFrame, labels: pl.DataFrame, title: str) -> Layers:
    """Return counts over the expectation, the count that would fire, the decisions, and the onsets of labels."""
    time = alt.X("minute:T", title=None, scale=alt.Scale(type="utc"))
    count = alt.Y("count:Q", title="events", scale=alt.Scale(type="symlog", constant=4))
    points = alt.Chart(walk)
    band = points.mark_area(opacity=0.18, color="#1f77b4").encode(time, alt.Y("expected:Q"), alt.Y2("upper:Q"))
    limit = points.mark_line(color="#1f77b4", strokeWidth=1, strokeDash=[4, 3]).encode(time, alt.Y("upper:Q"))
    expected = points.mark_line(color="#1f77b4", strokeWidth=1).encode(time, alt.Y("expected:Q"))
    counts = points.mark_bar(color="#444", width=1.5).encode(time, count)
    told = alt.Chart(walk.filter(pl.col("decision") != "silent").with_columns(pl.col("decision").cast(pl.String)))
    marks = told.mark_point(filled=True, size=70, opacity=1).encode(
        time,
        count,
        alt.Color("decision:N", scale=_DECISIONS, title="decision"),
        tooltip=["minute:T", "decision:N", "count:Q", "expected:Q", "upper:Q", "score:Q", "threshold:Q", "window:Q"],
    )
    onsets = (
        alt.Chart(labels)
        .mark_rule(strokeWidth=2)
        .encode(alt.X("onset:T"), alt.Stroke("verdict:N", scale=_VERDICTS, title="onset, by label"))
    )
    layers = (band, limit, expected, onsets, counts, marks)
    return alt.layer(*layers, width=_WIDTH, height=_HEIGHT, title=title)


def sweep_chart(swept: pl.DataFrame, parameter: str) -> alt.HConcatChart:
    """Return pages a week, and what of the confirmed incidents is found, over the values of one number."""
    value = alt.X(f"{parameter}:Q", title=parameter, scale=alt.Scale(zero=False))
    tooltip = [f"{name}:Q" for name in swept.columns]
    size = {"width": _WIDTH // 2 - 40, "height": _HEIGHT}
    pages = (
        alt.Chart(swept)
        .mark_line(point=True)
        .encode(value, alt.Y("pages_per_week:Q", title="pages a week"), tooltip=tooltip)
    )
    shares = swept.unpivot(["precision", "recall"], index=parameter, variable_name="share")
    found = (
        alt.Chart(shares)
        .mark_line(point=True)
        .encode(value, alt.Y("value:Q", title="share"), alt.Color("share:N", title=None))
    )
    return alt.hconcat(pages.properties(**size), found.properties(**size))


def precision_delay_chart(swept: pl.DataFrame, parameter: str) -> Layers:
    """Return precision against the median delay, a point for each value: up and to the left is better."""
    points = alt.Chart(swept.drop_nulls(["precision", "delay"])).encode(
        alt.X("delay:Q", title="median minutes from onset to detection"),
        alt.Y("precision:Q", title="precision: confirmed of what has a label", scale=alt.Scale(zero=False)),
        tooltip=[f"{name}:Q" for name in swept.columns],
    )
    path = points.mark_line(color="#bbb").encode(order=f"{parameter}:Q")
    marks = points.mark_point(filled=True).encode(
        alt.Size("recall:Q", title="recall", scale=alt.Scale(range=[40, 240]))
    )
    names = points.mark_text(dx=9, dy=-9, align="left").encode(text=f"{parameter}:Q")
    return alt.layer(path, marks, names, width=_WIDTH, height=_HEIGHT + 60)
