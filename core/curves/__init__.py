"""Curves of a run, the points that a chart draws of them, and what they say at a step."""
