"""The context of an incident: what is asked of which store, and what the answers become. No model takes part."""
