"""What notifications keeps in MongoDB: its copies of people, forums and registrations, and the deliveries."""
