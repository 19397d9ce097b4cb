"""A disk that loses its power: what may be left of a directory whose every change was recorded.

kill -9 leaves every byte that was handed to the system, so it proves nothing about syncs. Here a
server runs with power_shim.c in front of the C library, which records each write, change of size,
rename, creation, removal and sync below one directory, LMDB's with all others, in the order in
which they happened. `Disk` plays such a record up to some moment and builds a directory that a
loss of power at that moment could have left. The rules are meant to be harsher than any file
system that journals its metadata (ext4 with data=ordered, XFS):

* What a sync covered is there: everything that had happened to that file when the sync began,
  once it has ended. A write through a descriptor opened with O_DSYNC is one with a sync.
* Of what came later, each sector of 512 bytes (or each page of 4096) may have reached the disk as
  of any moment since: a sector is written whole, from a page that holds every write until then.
  So writes are lost, torn and reordered, but no later write to a sector stands there without the
  earlier ones, which no page cache could bring about.
* The size is metadata, written in order: that of any moment since, whatever sectors are there. A
  sector below it that never came is zeros. What a truncation took away does not come back once
  the size is of a time after it.
* Names are kept by directories. The changes of one directory that were not covered by a sync of
  that directory survive in order, up to some point; no other directory's sync helps, nor does a
  sync of the file itself (on ext4 it would). A removed file whose name survives has its contents.

Nothing is invented: no sector holds what never was there, and no synced sector goes bad; that
is for the tests of damage. A power loss while the server recovers is one more record, which starts
from the directory that the first one left."""

import bisect
import mmap
import os
import pathlib
import struct

OPEN, CLOSE, WRITE, SIZE, RENAME, UNLINK, MKDIR, SYNC_START, SYNC_END, UNKNOWN = range(1, 11)
HEADER = struct.Struct("=IiQQII")
# Mapped and changed without a write; what it holds is void when no process has it open.
VOLATILE = ("lock.mdb", "-lock")


class Trace:
    """A record: `kinds[i]`, `ends[i]` (the position in the record behind change i)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.view = memoryview(self.bytes)
        self.ends, self.kinds = [], []
        at = 0
        while at + HEADER.size <= len(self.bytes):
            kind, _, _, _, text, data = HEADER.unpack_from(self.bytes, at)
            at += HEADER.size + text + data
            if at > len(self.bytes):
                break
            self.ends.append(at)
            self.kinds.append(kind)

    def __len__(self):
        return len(self.ends)

    def record(self, index):
        start = self.ends[index - 1] if index else 0
        kind, fd, a, b, text, data = HEADER.unpack_from(self.bytes, start)
        at = start + HEADER.size
        words = self.bytes[at : at + text].decode().split("\n") if text else []
        return kind, fd, a, b, words, self.view[at + text : at + text + data]

    def position(self, count):
        """Where the record stands after its first `count` changes."""
        return self.ends[count - 1] if count else 0

    def interesting(self):
        """The changes around which mistakes hide: names, sizes, syncs, LMDB's meta pages."""
        return [i for i, kind in enumerate(self.kinds) if kind not in (CLOSE, WRITE)
                or kind == WRITE and len(self.record(i)[5]) == 120]


class File:
    """Contents as they are durable, and what has happened to them since."""

    def __init__(self, contents=b""):
        self.durable = bytearray(contents)
        # (order, offset, data), with data None for a change of the size to `offset`.
        self.pending = []
        # The size after each of them.
        self.sizes = []
        self.size = len(self.durable)

    def change(self, order, offset, data):
        self.pending.append((order, offset, data))
        self.size = offset if data is None else max(self.size, offset + len(data))
        self.sizes.append(self.size)

    def sync(self, order):
        """What happened before `order` is durable."""
        count = bisect.bisect_left(self.pending, (order,))
        for _, offset, data in self.pending[:count]:
            apply(self.durable, offset, data)
        del self.pending[:count], self.sizes[:count]

    def whole(self):
        buffer = bytearray(self.durable)
        for _, offset, data in self.pending:
            apply(buffer, offset, data)
        return buffer

    def survivor(self, rng):
        """Contents after a loss of power."""
        count = len(self.pending)
        how = rng.choice(["all", "none", "prefix", 512, 512, 4096, 4096])
        if not count or how == "none":
            return self.durable
        if how in ("all", "prefix"):
            buffer = bytearray(self.durable)
            for _, offset, data in self.pending[: count if how == "all" else rng.randint(0, count)]:
                apply(buffer, offset, data)
            return buffer
        newest = rng.choice([0.05, 0.5, 0.9, 0.98])
        oldest = rng.random() * (1 - newest)
        moments = {}

        def moment(sector):
            """How many of the pending changes this sector saw."""
            if sector not in moments:
                roll = rng.random()
                moments[sector] = count if roll < newest else 0 if roll > 1 - oldest else (
                    rng.randint(0, count))
            return moments[sector]

        seen = rng.choice([count, rng.randint(0, count)])
        buffer = bytearray(self.durable)
        for number, (_, offset, data) in enumerate(self.pending):
            if data is None:
                if number < seen and offset < len(buffer):
                    del buffer[offset:]
                continue
            end = offset + len(data)
            at = offset
            while at < end:
                sector = at // how
                stop = min(end, (sector + 1) * how)
                if number < moment(sector):
                    apply(buffer, at, data[at - offset : stop - offset])
                at = stop
        size = self.sizes[seen - 1] if seen else len(self.durable)
        apply(buffer, size, None)
        return buffer


def apply(buffer, offset, data):
    if data is None:
        if offset < len(buffer):
            del buffer[offset:]
        else:
            buffer.extend(bytes(offset - len(buffer)))
        return
    if offset > len(buffer):
        buffer.extend(bytes(offset - len(buffer)))
    buffer[offset : offset + len(data)] = data


class Directory:
    """Names as they are durable, and the changes since: (order, name, node or None)."""

    def __init__(self):
        self.durable, self.pending, self.now = {}, [], {}

    def change(self, order, *changes):
        """One step: every (name, node or None) of it, or none."""
        self.pending.append((order, changes))
        self.set(self.now, changes)

    @staticmethod
    def set(names, changes):
        for name, node in changes:
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node

    def sync(self, order):
        count = bisect.bisect_left(self.pending, (order,))
        for _, changes in self.pending[:count]:
            self.set(self.durable, changes)
        del self.pending[:count]

    def survivor(self, rng):
        names = dict(self.durable)
        count = len(self.pending)
        for _, changes in self.pending[: rng.choice([0, count, rng.randint(0, count)])]:
            self.set(names, changes)
        return names


class Disk:
    """A directory, played from a record. `lies(path)` true: syncs of that path do nothing."""

    def __init__(self, trace, directory, before=None, lies=None):
        self.trace, self.lies = trace, lies or (lambda path: False)
        self.directory = str(directory)
        self.root = before or Directory()
        self.descriptors, self.syncs, self.count = {}, {}, 0
        # Every change of the log before this one is durable, whatever the disk is like.
        self.log_synced = 0

    def advance(self, count):
        """Plays on until `count` changes have happened."""
        while self.count < count:
            self.play(self.count, *self.trace.record(self.count))
            self.count += 1

    def play(self, order, kind, fd, a, b, words, data):
        if kind == OPEN:
            self.open(order, fd, a, b, words[0])
        elif kind == CLOSE:
            del self.descriptors[fd]
        elif kind == WRITE:
            self.descriptors[fd][0].change(order, a, data)
        elif kind == SIZE:
            file = self.descriptors[fd][0]
            if file.size != a:
                file.change(order, a, None)
        elif kind == SYNC_START:
            self.syncs[a] = (*self.descriptors[fd], order)
        elif kind == SYNC_END:
            node, path, start = self.syncs.pop(a)
            if b and not self.lies(path):
                node.sync(start)
            if b and path.endswith(".incr.aof"):
                self.log_synced = max(self.log_synced, start)
        elif kind == RENAME:
            (source, name), (target, new) = map(self.place, words)
            assert source is target, f"renamed across directories: {words}"
            source.change(order, (new, source.now[name]), (name, None))
        elif kind == UNLINK:
            directory, name = self.place(words[0])
            directory.change(order, (name, None))
        elif kind == MKDIR:
            directory, name = self.place(words[0])
            directory.change(order, (name, Directory()))
        else:
            path = self.descriptors[fd][1] if fd >= 0 else ""
            assert words == ["mmap"] and path.endswith(VOLATILE), f"not recorded: {words} {path}"

    def open(self, order, fd, flags, existed, path):
        if path == self.directory:
            self.descriptors[fd] = (self.root, path)
            return
        directory, name = self.place(path)
        if not existed:
            directory.change(order, (name, File()))
        node = directory.now[name]
        if flags & os.O_TRUNC and node.size:
            node.change(order, 0, None)
        self.descriptors[fd] = (node, path)

    def place(self, path):
        assert path.startswith(self.directory + "/"), path
        *parents, name = path[len(self.directory) + 1 :].split("/")
        directory = self.root
        for parent in parents:
            directory = directory.now[parent]
        return directory, name

    def build(self, rng, target, node=None):
        """Writes what a loss of power could leave now."""
        target = pathlib.Path(target)
        target.mkdir()
        for name, found in sorted((node or self.root).survivor(rng).items()):
            if isinstance(found, Directory):
                self.build(rng, target / name, found)
            else:
                (target / name).write_bytes(found.survivor(rng))

    def check(self, target, node=None):
        """Everything that happened together is what the directory holds: nothing was missed."""
        node = node or self.root
        names = {path.name for path in pathlib.Path(target).iterdir()} - {"server.out"}
        assert names == set(node.now), (target, names, set(node.now))
        for name, found in node.now.items():
            path = pathlib.Path(target) / name
            if isinstance(found, Directory):
                self.check(path, found)
            elif not name.endswith(VOLATILE):
                assert path.read_bytes() == found.whole(), f"{path} is not what was recorded"


def read_directory(path):
    """A directory that is durable as it is."""
    directory = Directory()
    for entry in pathlib.Path(path).iterdir():
        if entry.name == "server.out":
            continue
        node = read_directory(entry) if entry.is_dir() else File(entry.read_bytes())
        directory.change(0, (entry.name, node))
    directory.sync(1)
    return directory
