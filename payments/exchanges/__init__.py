"""What banks were asked about payments and what they said, kept for whoever has to find out what became of one."""
