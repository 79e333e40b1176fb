"""The frameworks as contestants: the same model as a user who knows each of them writes it.

They get one thread on the CPU, as every contestant does. PyTorch trims the padding of a batch, JAX
packs a batch without padding, and MLX pads to block_size.
"""
