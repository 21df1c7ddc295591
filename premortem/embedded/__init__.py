"""The one-machine stack: PostgreSQL and the ClickHouse engine from wheels, under one small supervisor."""
