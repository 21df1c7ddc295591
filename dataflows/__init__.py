"""The dataflows: topologies only. What the steps do is in `premortem.adapters.streams`."""
