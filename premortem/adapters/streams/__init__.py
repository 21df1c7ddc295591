"""Bytewax sources and sinks over our ports, and the pure steps between them."""
