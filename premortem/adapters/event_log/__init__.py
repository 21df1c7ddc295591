"""Event logs: append-only topics in partitions."""
