"""What does not stop is stopped, and nobody is warned."""

import contextlib
import threading
import time
import warnings

import numpy as np

from scratchcnn.doctor import limits
from scratchcnn.doctor.limits import within


def test_what_ends_in_time_has_ended():
    done = []
    assert within(5, lambda: done.append(1))
    assert done == [1]


def test_what_does_not_end_is_stopped():
    ticks = []

    def work():
        while True:
            with contextlib.suppress(Exception):
                ticks.append(1)

    before = threading.active_count()
    assert not within(0.2, work)
    assert threading.active_count() == before
    count = len(ticks)
    time.sleep(0.05)
    assert len(ticks) == count


def test_warnings_of_a_patient_are_not_ours():
    def work():
        np.log(np.zeros(1))
        warnings.warn("text", stacklevel=1)

    assert within(5, work)


def test_without_threads_there_is_no_limit(monkeypatch):
    class NoThread(threading.Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(limits.threading, "Thread", NoThread)
    done = []
    assert within(0, lambda: done.append(1))
    assert done == [1]
