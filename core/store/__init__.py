"""The run store: every run writes itself down as it goes, and can be continued tomorrow."""
