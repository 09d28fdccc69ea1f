"""What every protocol reads answers with. Pure."""
