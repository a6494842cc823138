"""Processes that are killed, without mercy, in the middle of their work."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

# A process that has imported what is needed splits off those that we kill:
# none of them waits for its imports again.
PROCESSES = get_context("forkserver")


class Killer:
    """Kills this process at the n-th call of something."""

    def __init__(self, owner: Any, name: str, calls: int) -> None:
        self.original, self.calls = getattr(owner, name), calls
        setattr(owner, name, self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the original, or die."""
        self.calls -= 1
        if self.calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.original(*args, **kwargs)


def start(function: Callable[..., object], *arguments: Any) -> BaseProcess:
    """Start a process that calls a function of a test's module."""
    PROCESSES.set_forkserver_preload([function.__module__])
    process = PROCESSES.Process(target=function, args=arguments)
    process.start()
    return process


def was_killed(process: BaseProcess) -> bool:
    """Wait for a process to end, and say whether it was killed."""
    process.join()
    return process.exitcode == -signal.SIGKILL
