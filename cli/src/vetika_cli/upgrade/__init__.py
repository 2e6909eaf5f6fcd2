"""What would stop an upgrade: the services' own reports, gathered and held against each other."""
