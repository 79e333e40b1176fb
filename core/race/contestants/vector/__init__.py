"""Tensor autograd on NumPy: operations on arrays, gradients by reverse traversal."""
