"""What people read: the texts in English and Khmer, and how a message is made from them."""
