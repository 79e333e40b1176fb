"""Lessons: a question, a guess, a measurement on this machine, and what it teaches."""
