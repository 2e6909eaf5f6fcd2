"""The page by which a person manages a registration: rendered here, without JavaScript."""
