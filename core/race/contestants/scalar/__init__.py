"""Scalar autograd in pure Python: every number of the model is an object with a gradient."""
