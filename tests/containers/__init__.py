"""A platform in containers, as `docker compose` runs it, and its mailbox."""
