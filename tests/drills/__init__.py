"""Drills: stores are destroyed and come back."""
