"""Hand-written matrix gradients, one document a step."""
