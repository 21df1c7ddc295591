"""The demonstration: a sample shop, an hour of its traffic on a scaled clock, and what Premortem made of it."""
