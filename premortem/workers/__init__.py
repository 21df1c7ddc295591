"""Workers: tasks from the queues, through their handlers, to facts on the log."""
