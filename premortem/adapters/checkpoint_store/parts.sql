SELECT flow, partition, value FROM checkpoint_state WHERE name = %(name)s
