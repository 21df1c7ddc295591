"""The book of workers: who lives, which queues are read, what became of tasks."""
