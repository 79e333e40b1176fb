"""A race written down: values for scripts, Markdown and pictures."""
