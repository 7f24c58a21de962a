"""Garbage whose destructors run at as many moments of a step as can be had."""

import gc


class _Garbage:
    def __init__(self):
        self.itself = self

    def __del__(self):
        _deeper(8)


def _deeper(levels):
    return _deeper(levels - 1) if levels else None


def with_garbage(step):
    """Call `step` again and again; the collector finds the garbage at another moment of it each time."""
    before = gc.get_threshold()
    try:
        for threshold in range(900, 1200, 3):
            gc.collect()
            gc.set_threshold(10**6)
            for _ in range(30):
                _Garbage()
            gc.set_threshold(threshold)
            step()
            assert gc.isenabled()
    finally:
        gc.set_threshold(*before)
