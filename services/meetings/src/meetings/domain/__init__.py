"""The rules of a forum's life: pure values and functions, no I/O."""
