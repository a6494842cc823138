"""Kernels that start warm.

Most of what a short page takes is the start of its kernel and the import of
the libraries. So one process imports them once, and every kernel is a fork of
it: no page sees anything of another. It speaks with its manager through a
socket in the file system, which is closed to other users.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any
from uuid import uuid4

LIBRARIES = (
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
    "myst_nb.ext.glue",
    "scipy.signal",
)
INLINE = "module://matplotlib_inline.backend_inline"


class Nest:
    """The process that imports the libraries and is forked."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.sockets = TemporaryDirectory(prefix="kernels-")

    @cached_property
    def process(self) -> subprocess.Popen[str]:
        """The process, started when it is first needed."""
        return subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def fork(self, command: list[str], folder: str) -> int:
        """Start a kernel in a folder; return the number of its process."""
        with self.lock:
            requests, answers = self.process.stdin, self.process.stdout
            print(json.dumps([command, folder]), file=requests, flush=True)
            assert answers is not None
            return int(answers.readline())

    def close(self) -> None:
        """Let the process end."""
        if "process" in vars(self):
            self.process.communicate()
        self.sockets.cleanup()


class Fork:
    """A fork as a `subprocess.Popen`, as far as a kernel's manager asks."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int):
        self.pid = pid

    def poll(self) -> int | None:
        """Return nothing while the fork runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    wait = poll

    def send_signal(self, number: int) -> None:
        """Send the fork a signal, if it still runs."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the fork to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the fork."""
        self.send_signal(signal.SIGKILL)


@contextmanager
def managers() -> Iterator[type]:
    """Yield a class of managers whose kernels are forks of one process."""
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning.local_provisioner import (
        LocalProvisioner,
    )

    if not hasattr(os, "fork"):
        yield AsyncKernelManager
        return

    nest = Nest()

    class Provisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
            start = cmd.index("ipykernel_launcher")
            pid = nest.fork(cmd[start:], os.fspath(kwargs["cwd"]))
            self.process: Any = Fork(pid)
            self.pid = self.pgid = pid
            self.cwd = kwargs["cwd"]
            return self.connection_info

    class Manager(AsyncKernelManager):
        def __init__(self, **kwargs: Any):
            name = str(uuid4())
            place = Path(nest.sockets.name, name)
            super().__init__(
                kernel_id=name,
                transport="ipc",
                ip=str(place),
                connection_file=f"{place}.json",
                **kwargs,
            )

        async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
            self.provisioner = Provisioner(
                kernel_id=self.kernel_id,
                kernel_spec=self.kernel_spec,
                parent=self,
            )
            return await super()._async_pre_start_kernel(**kwargs)

    try:
        nest.process  # noqa: B018 (its imports take a while)
        yield Manager
    finally:
        nest.close()


def requests() -> Any:
    """Fork for each line of the input; return, in a fork, what it says."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            return json.loads(line)
        print(pid, flush=True)
    sys.exit()


def main() -> None:
    """Import the libraries, and be a kernel in every fork."""
    del sys.path[0]
    os.environ["MPLBACKEND"] = INLINE
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    for library in LIBRARIES:
        import_module(library)
    command, folder = requests()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.chdir(folder)
    launcher = import_module(command[0])
    sys.argv = [str(launcher.__file__), *command[1:]]
    import_module("ipykernel.kernelapp").launch_new_instance()


if __name__ == "__main__":
    main()
