"""What a forum recommends, and what became of it."""
