"""Administration: tenants, projects, keys, tokens and integrations."""
