"""Streams: what the dataflows are made of. Only `log_source`, `operators` and `partitioned_sink` know Bytewax."""
