"""eetui's engine room: data, model, engines and session, complete without a screen.

Nothing is imported here, so that `import eetui.core` costs nothing: numpy and numba are
loaded by the modules that use them.
"""
