"""What the adapters can do, and what is proven of each: docs/capabilities.md is made of it."""
