"""The screens of the program: one a file, each with its style sheet beside it."""
