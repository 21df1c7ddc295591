"""ClickHouse for one machine: the chDB engine in one process, behind ClickHouse's own HTTP interface.

    app.py          one HTTP request: route, authenticate, answer         request.py     what its URL, headers and form say
    execution.py    one statement on a connection of its own              statement.py   where SQL ends and data begins
    engine.py       the engine: open, limits, end a statement, close      encoding.py    bodies and answers, compressed
    answer.py       headers, summaries and errors as ClickHouse words them

Sources: ClickHouse documentation "HTTP interface"; clickhouse-connect 1.12, whose calls are the tests.
Left out, with an error that says so: external data sent with a query. Ignored: `session_id` (each request has a session
of its own, so `SET` and temporary tables end with it), `role`, progress headers.
"""
