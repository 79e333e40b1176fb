"""Gradients written by hand, one document a step."""
