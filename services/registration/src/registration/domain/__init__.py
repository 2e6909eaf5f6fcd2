"""The rules: values in, values out; no web framework, no database, no broker."""
