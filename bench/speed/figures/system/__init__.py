"""The parts by themselves, and more of them."""
