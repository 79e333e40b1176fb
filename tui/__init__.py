"""The terminal front of eetui: the command line and the live screen."""
