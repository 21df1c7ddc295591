"""Rebuilding: the timeline folded anew, compared with what is stored, and put in its place."""
