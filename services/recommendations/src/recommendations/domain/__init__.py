"""The rules of recommendations: pure values and functions, no I/O."""
