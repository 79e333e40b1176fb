"""Scalar autograd on a flat tape: numbered operations in arrays, and compiled code that runs them."""
