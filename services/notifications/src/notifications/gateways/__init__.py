"""The ways out: the mail server and the SMS provider, each with its codes in a table."""
