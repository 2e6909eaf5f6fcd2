"""The forums of a coalition: announced, opened, closed, cancelled."""
