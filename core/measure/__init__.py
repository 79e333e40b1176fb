"""Measurement of engines and optimizations: the bench and the ladder."""
