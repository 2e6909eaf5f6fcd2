"""What recommendations keeps, in MongoDB."""
