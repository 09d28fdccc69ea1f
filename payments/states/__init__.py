"""What a payment can be, how it moves, and what a bank's word changes. Pure: no I/O, no clock."""
