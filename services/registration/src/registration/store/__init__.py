"""Queries, indexes and atomic updates: the only room that talks to MongoDB."""
