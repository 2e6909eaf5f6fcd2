"""The chassis that every Vetika service stands on. It knows no service."""
