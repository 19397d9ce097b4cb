"""A control group that limits memory, page cache included: what makes a test with more data than
memory honest on a machine that has plenty. The interface is that of cgroup v1 (`memory` controller),
which counts a page of a file for the group that first read or wrote it."""

import os
import pathlib
import time

ROOT = pathlib.Path("/sys/fs/cgroup/memory")


class Cgroup:
    """A group with a limit in bytes; removed at the end of a `with`, when its processes have ended."""

    made = 0

    def __init__(self, limit_bytes):
        self.limit_bytes = limit_bytes
        Cgroup.made += 1
        self.path = ROOT / f"firn-bench-{os.getpid()}-{Cgroup.made}"

    @staticmethod
    def why_not():
        """Why there can be no such group here; None when there can."""
        if not (ROOT / "memory.limit_in_bytes").exists():
            return f"there is no cgroup v1 memory controller at {ROOT}"
        if not os.access(ROOT, os.W_OK):
            return f"{ROOT} is not writable: run as root"
        return None

    def __enter__(self):
        return self.create()

    def __exit__(self, *_):
        self.remove()

    def create(self):
        self.path.mkdir()
        self.write("memory.limit_in_bytes", self.limit_bytes)
        return self

    def write(self, name, value):
        (self.path / name).write_text(str(value))

    def read(self, name):
        return int((self.path / name).read_text())

    def words(self):
        """To put in front of a command line, so that the command runs inside."""
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(self.path)]

    def usage(self):
        return self.read("memory.usage_in_bytes")

    def max_usage(self):
        """The most that was ever used, page cache included: the limit, as a rule, since the cache
        takes what it can get."""
        return self.read("memory.max_usage_in_bytes")

    def anonymous(self):
        """Memory that no file backs: what a process cannot give back under pressure."""
        for line in (self.path / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "total_rss":
                return int(value)
        return 0

    def kills(self):
        """Processes that the kernel ended because the group was full."""
        for line in (self.path / "memory.oom_control").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
        return 0

    def remove(self):
        """Gives the cached pages back and removes the group."""
        if not self.path.exists():
            return
        for _ in range(100):
            try:
                self.write("memory.force_empty", 0)
                self.path.rmdir()
                return
            except OSError:  # A process that was killed just now has not left yet.
                time.sleep(0.05)
        raise SystemExit(f"{self.path} cannot be removed: it has processes")
