"""``/admin``: what operators of every service see and do."""
