"""Adapters: each port's promise kept with one technology; `premortem.bootstrap` alone names them."""
