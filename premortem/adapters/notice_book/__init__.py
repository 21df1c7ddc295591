"""The book of notices: whom to tell, and who was told."""
