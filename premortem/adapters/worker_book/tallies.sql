SELECT queue, received, answered, deleted, retried, buried FROM worker_tallies
