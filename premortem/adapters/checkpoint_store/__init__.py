"""Checkpoint stores: how far the dataflows have come, and their state there."""
