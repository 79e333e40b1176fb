"""Recurrent nets: other models than the transformer, on the same data."""
