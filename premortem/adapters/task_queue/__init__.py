"""Task queues: at-least-once, with a visibility timeout and a dead-letter queue."""
