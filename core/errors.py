"""The errors a person can cause or run into; each message is one sentence that says what to do."""


class EetuiError(Exception):
    """Something failed that is not a bug in the program (exit code 1)."""


class UsageError(EetuiError):
    """The request itself cannot be served: a bad flag, file or value (exit code 2)."""


class EngineError(EetuiError):
    """An engine cannot run what was asked of it on this machine (exit code 1)."""
