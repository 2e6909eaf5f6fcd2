"""HTTP in, HTTP out: no rules, no queries."""
