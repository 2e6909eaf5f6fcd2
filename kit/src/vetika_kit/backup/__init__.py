"""Backup, journal, restore and rebuild: how what a service knows outlives its database.

A backup is one consistent moment of the database with the positions in Kafka inside; a journal beside it
keeps every later change. What neither holds is taken from the service's own topics, as far as it was told
there. All of it works on the service's own database and topics, so each organization keeps its own.
"""
