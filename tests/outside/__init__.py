"""Those who look at a platform from outside: the mailbox, the phone, a partner, people, the secretariat."""
