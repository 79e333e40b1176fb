"""Curves of a run and the points that a chart draws of them."""
