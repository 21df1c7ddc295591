SELECT flow, partition, next_offset FROM checkpoints
