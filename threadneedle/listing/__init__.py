"""What there is, from the command line: for whoever is on call and has no admin token at hand."""
