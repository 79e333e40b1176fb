"""Scalar autograd on a flat tape: operations in arrays, run by compiled code."""
