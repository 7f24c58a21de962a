"""What is sent, and how far it has come."""
