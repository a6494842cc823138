"""Stop what does not stop by itself: `within`."""

from __future__ import annotations

import ctypes
import threading
import warnings
from collections.abc import Callable

import numpy as np

from scratchcnn.doctor.chart import OutOfTime


def stop(thread: threading.Thread) -> None:
    """Raise `OutOfTime` in another thread, at its next line of Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(OutOfTime)
    )
    thread.join(1)


def within(seconds: float, work: Callable[[], None]) -> bool:
    """Call work() without its warnings; say whether it came to its end.

    The work has a thread of its own, which is stopped when the time is
    over. Where there are no threads, as in a browser, there is no limit.
    """

    def quietly() -> None:
        try:
            with np.errstate(all="ignore"):
                work()
        except OutOfTime:
            pass

    thread = threading.Thread(target=quietly, daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            thread.start()
        except RuntimeError:
            quietly()
            return True
        thread.join(seconds)
        if thread.is_alive():
            stop(thread)
            return False
    return True
