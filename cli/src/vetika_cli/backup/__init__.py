"""Backup, restore and rebuild from the keyboard, wherever the services run."""
