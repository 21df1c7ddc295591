"""Benchmarks: each prints its figures beside a baseline of the same run; none asserts a time."""
