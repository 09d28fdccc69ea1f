"""Which bank a payment goes to where the partner named none: by a rule, with the reasons told."""
