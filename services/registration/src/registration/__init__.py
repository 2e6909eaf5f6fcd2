"""Organizations, forums' seats and the people who take them."""
