"""The kernel in which a student's notebook is graded: without the network, and in its own folder.

It is started in place of IPython's own kernel. A hook, which cannot be removed, refuses what Python
is asked to do: connections, processes, and changes of files outside the working folder. That stops
mistakes. It does not stop someone who means harm: compiled code, such as a library's own writing of
files, does not ask. Notebooks of strangers belong into a container or a virtual machine.
"""

import os
import sys
import tempfile

CONNECTS = {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}
STARTS = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.kill",
    "os.killpg",
    "os.fork",
    "os.forkpty",
}
CHANGES = {"os.remove", "os.rmdir", "os.rename", "os.truncate", "os.link", "os.symlink"} | {
    "os.mkdir",
    "os.chmod",
    "os.chown",
    "shutil.rmtree",
    "shutil.move",
}
OF_TWO = {"os.rename", "shutil.move", "os.link", "os.symlink"}  # paths
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def refuse(event, values):
    """The hook: raises PermissionError for what a graded notebook must not do."""
    if event in CONNECTS:
        if event != "socket.connect" or not _is_local(values[1]):
            raise PermissionError("a graded notebook has no network")
    elif event in STARTS:
        raise PermissionError("a graded notebook starts and ends no processes")
    elif event in CHANGES:
        _stay_inside(values[:2] if event in OF_TWO else values[:1])
    elif event == "open" and isinstance(values[2], int) and values[2] & WRITES:
        _stay_inside(values[:1])


def _is_local(address):
    return isinstance(address, str | bytes) or address[0] in ("127.0.0.1", "::1")


def _stay_inside(paths):
    for path in paths:
        if isinstance(path, str | bytes | os.PathLike):
            where = os.path.realpath(os.fsdecode(path))
            if not where.startswith((HOME + os.sep, "/dev/")) and where != HOME:
                raise PermissionError(
                    f"a graded notebook changes nothing outside its folder: {where}"
                )


HOME = os.path.realpath(tempfile.gettempdir())

if __name__ == "__main__":
    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    matplotlib.get_cachedir()  # looked for once, which takes more than the hook allows

    app = IPKernelApp.instance()
    app.initialize(sys.argv[1:])
    HOME = os.path.realpath(".")
    sys.dont_write_bytecode = True
    sys.addaudithook(refuse)
    app.start()
