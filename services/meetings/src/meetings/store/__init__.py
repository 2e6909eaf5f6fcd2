"""What meetings keeps, in MongoDB."""
