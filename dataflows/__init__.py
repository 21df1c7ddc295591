"""The dataflows: topologies only. What a step does is in `premortem.adapters.streams` and the domain."""
