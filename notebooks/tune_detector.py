"""Tune the detector: see what its scan saw of an error, try other numbers, and weigh precision against delay."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Tune the detector")

with app.setup:
    import marimo as mo

    from notebooks import charts, frames, sources
    from notebooks.opening import open_source
    from premortem.domain.detection.config import DEFAULT, LIMITS, rates
    from replay.labels import Error
    from replay.tuning import grid, sweep


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Tune the detector

    What the spike scan saw of an error, what it decided and what other numbers would have made of the same counts.
    The scan is the product's own. Counts know neither users nor mutes nor news nor slow ramps: before you set a
    number, run `premortem backtest` with it.
    """)
    return


@app.cell
def _():
    arguments = mo.cli_args().to_dict()
    return (arguments,)


@app.cell
def _(arguments):
    source = open_source(arguments)
    table = sources.errors(source.counts(()))
    labels = frames.labelled(source.labels)
    return labels, source, table


@app.cell(hide_code=True)
def _(labels, source, table):
    _said = labels.unique("incident")["verdict"].to_list()
    mo.callout(
        mo.md(
            f"**{'No error of yours is shown: this is' if source.is_sample else 'Source:'}** {source.name}; "
            f"{table.height} errors, {table['events'].sum():,} events; labels: {_said.count('confirmed')} incidents "
            f"confirmed, {_said.count('rejected')} rejected."
        ),
        kind="warn" if source.is_sample else "info",
    )
    return


@app.cell(hide_code=True)
def _(table):
    mo.stop(not table.height, mo.md("There are no counts in this source."))
    error_table = mo.ui.table(table, selection="single", initial_selection=[0], page_size=6, label="Errors")
    window = mo.ui.dropdown(
        {"the minute, strongest window": None} | {f"{minutes} minutes": minutes for minutes in rates(DEFAULT).minutes},
        value="the minute, strongest window",
        label="Window",
    )
    days = mo.ui.slider(1, 60, value=7, label="Days shown", show_value=True)
    threshold = mo.ui.number(*LIMITS["score_opens"], step=0.5, value=DEFAULT.score_opens, label="score_opens")
    mo.vstack([mo.md("## One error"), error_table, mo.hstack([window, days, threshold], justify="start")])
    return days, error_table, threshold, window


@app.cell
def _(error_table, source, table, threshold, window):
    _row = error_table.value if len(error_table.value) else table
    error = Error(*_row.select(Error._fields).row(0))
    config = DEFAULT.with_values({"score_opens": threshold.value})
    walk = frames.walked(sources.series(source.counts([error.fingerprint]), [error])[error], config, window.value)
    return config, error, walk


@app.cell(hide_code=True)
def _(days, error, labels, walk):
    shown = frames.within(walk, days.value)
    _span = shown["minute"].min(), shown["minute"].max()
    _onsets = labels.filter(fingerprint=error.fingerprint, project=error.project)
    series_chart = charts.series_chart(
        shown, _onsets.filter(_onsets["onset"].is_between(*_span)), f"{error.fingerprint[:12]}, project {error.project}"
    )
    mo.vstack(
        [
            series_chart,
            mo.md("Bars: events. Shaded: from what is expected to the count that fires. Dots: what was decided. UTC."),
            mo.ui.table(shown.filter(shown["decision"] != "silent"), selection=None, page_size=6, label="Decisions"),
        ]
    )
    return series_chart, shown


@app.cell(hide_code=True)
def _():
    parameter = mo.ui.dropdown(sorted(LIMITS), value="score_opens", label="Number")
    most = mo.ui.slider(1, 100, value=10, label="Errors (labelled ones first)", show_value=True)
    mo.vstack([mo.md("## Other numbers"), mo.hstack([parameter, most], justify="start")])
    return most, parameter


@app.cell(hide_code=True)
def _(config, parameter):
    tried_values = mo.ui.text(
        ", ".join(f"{value:g}" for value in frames.around(parameter.value, config)),
        label=f"Values of {parameter.value}",
        full_width=True,
    )
    tried_values
    return (tried_values,)


@app.cell
def _(config, most, parameter, source, table, tried_values):
    _values = [float(each) for each in tried_values.value.split(",") if each.strip()]
    _errors = frames.chosen(table, source.labels, most.value)
    _series = sources.series(source.counts([each.fingerprint for each in _errors]), _errors)
    swept = frames.swept(sweep(_series, grid({parameter.value: _values}), source.labels, config))
    return (swept,)


@app.cell(hide_code=True)
def _(parameter, swept):
    sweep_chart = charts.sweep_chart(swept, parameter.value)
    mo.vstack([sweep_chart, mo.ui.table(swept, selection=None)])
    return (sweep_chart,)


@app.cell(hide_code=True)
def _(parameter, swept):
    precision_delay_chart = charts.precision_delay_chart(swept, parameter.value)
    mo.vstack(
        [
            mo.md(
                """
                ## Precision against delay

                Of the incidents with a label: how many of those that were told did a person confirm, and how long after
                their onset were they told. Up and to the left is better; the size is the share of the confirmed ones
                that is found. Incidents without a label are counted in pages a week alone.
                """
            ),
            precision_delay_chart,
        ]
    )
    return (precision_delay_chart,)


if __name__ == "__main__":
    app.run()
