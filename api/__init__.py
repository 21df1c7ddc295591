"""The gateway and the read API: everything that speaks HTTP."""
