"""The native engine: C, compiled by the package's build, loaded through ctypes."""
