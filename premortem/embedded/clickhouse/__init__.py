"""ClickHouse for one machine: the chDB engine in one process, behind ClickHouse's own HTTP interface.

    app.py        one HTTP request: authenticate, read, run, answer    request.py    what URL, headers and form say
    workers.py    threads and deadlines                                statement.py  where SQL ends and data begins
    execution.py  one statement on a connection of its own             encoding.py   bodies and answers, compressed
    engine.py     the engine: open, connect, end a statement, close    reply.py      the answer on its way out
    answer.py     codes, texts and counts as ClickHouse words them

Sources: ClickHouse documentation "HTTP interface"; clickhouse-connect 1.12, whose calls are the tests.
Left out, with an error that says so: external data sent with a query. Ignored: `session_id` (each request has a session
of its own, so `SET` and temporary tables end with it), `role`, progress headers.
"""
