"""The pure core: no input or output, no clock, no randomness, and no import of anything else of ours."""
