"""The Numba engine: explicit-SIMD kernels compiled for this CPU when they are first needed."""
