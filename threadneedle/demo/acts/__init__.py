"""The acts of the journey: coming and going, paying, hearing, and being refused."""
