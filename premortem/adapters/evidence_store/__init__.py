"""Raw events and their rollups: the port EvidenceStore."""
