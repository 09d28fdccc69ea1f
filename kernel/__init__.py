"""The few primitives that every room shares. Imports nothing of ours."""
