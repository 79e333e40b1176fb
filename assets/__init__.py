"""Files shipped with eetui."""
