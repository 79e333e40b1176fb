"""The campaign: what breaks programs, done to this one thousands of times. See docs/reliability.md.

    python -m tests.campaign --seed 1

It is no part of the tests: it takes hours on a laptop, most of them for the soak.
"""
