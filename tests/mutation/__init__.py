"""Mutation testing: one fault at a time in a copy of `core`, and whether a test fails.

`python -m tests.mutation` tries a random sample of small changes to the Python of `core`;
`python -m tests.mutation --kinds` tries those that are named in kinds.py, in Python and C.
mutmut takes the name of a module from its folder, and core/ is the package eetui.core; cosmic-ray
starts the same tests for each mutant. Here each mutant has the tests that run its line.
"""
