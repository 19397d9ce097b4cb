"""The C programs of tools/reference: compiled into a run's scratch directory, and run.

`loader` and `reader` do with bare LMDB what Firn does with it, to tell what of a figure is Firn's and
what is the disk's and LMDB's; `client` makes requests that redis-benchmark cannot make (each new key
once, Zipf's law, groups of clients beside each other) and is bounded by time; `counter` only counts
the bytes of replies."""

import json
import subprocess

from .servers import ROOT

LIBRARIES = {"loader": ["-llmdb"], "reader": ["-llmdb", "-lpthread"], "client": ["-lm"],
             "counter": []}
PACKAGES = ["gcc", "libc6-dev", "liblmdb-dev"]


class Programs:
    def __init__(self, directory, names=LIBRARIES):
        self.directory = directory
        for name, libraries in ((name, LIBRARIES[name]) for name in names):
            source = ROOT / "tools" / "reference" / f"{name}.c"
            subprocess.run(
                ["cc", "-O2", "-o", str(directory / name), str(source), *libraries], check=True)

    def run(self, name, *words, cores, wrapper=()):
        """The lines of JSON that a program prints, as dicts."""
        arguments = [*wrapper, "taskset", "-c", cores, str(self.directory / name), *map(str, words)]
        done = subprocess.run(arguments, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{name} ended with status {done.returncode}: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def group(name, **options):
    """The client's words for one group of connections."""
    return ",".join(["name=" + name.replace(",", "")] + [f"{key}={value}" for key, value in options.items()])
