"""Detecting once more: the raw events through the detector, beside what the timeline recorded."""
