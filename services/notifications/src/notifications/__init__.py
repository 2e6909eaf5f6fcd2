"""Notifications: e-mail and SMS to the people whom an event concerns."""
