"""RDB bytes made by hand, for every type and encoding that Redis has written since its first files:
what a server must read although nothing here writes it any more. The layouts are drawn in
Sources/Engine/Snapshot and Sources/Engine/Structures/ListPack."""

import struct

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x95AC9329AC4BC9B5 if byte & 1 else 0)
    TABLE.append(byte)


def crc64(data, crc=0):
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def sealed(body, version=10):
    """A DUMP payload of a type byte and a value, as one that a Redis of this version made."""
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def length(n):
    if n < 64:
        return bytes([n])
    if n < 16384:
        return struct.pack(">H", 0x4000 | n)
    return b"\x80" + struct.pack(">I", n) if n < 1 << 32 else b"\x81" + struct.pack(">Q", n)


def string(data):
    data = data if isinstance(data, bytes) else str(data).encode()
    return length(len(data)) + data


def small(n):
    """An integer in the special form of strings."""
    if -128 <= n < 128:
        return b"\xc0" + struct.pack("<b", n)
    return b"\xc1" + struct.pack("<h", n) if -2**15 <= n < 2**15 else b"\xc2" + struct.pack("<i", n)


def repeated(byte, n):
    """A string of n equal bytes, compressed by LZF: one literal, then references to it."""
    packed, left = b"\x00" + byte, n - 1
    while left > 0:
        run = min(left, 264)
        if left - run in (1, 2):
            run -= 3  # A reference has three bytes at least.
        packed += b"\xe0" + bytes([run - 9]) + b"\x00" if run >= 9 else bytes([run - 2 << 5, 0])
        left -= run
    return b"\xc3" + length(len(packed)) + length(n) + packed


def number(data):
    """The integer that this is in canonical decimal, or None."""
    text = data.decode("latin-1")
    return int(text) if text.lstrip("-").isdigit() and str(int(text)) == text else None


def ziplist(*items):
    """A ziplist; integers among strings in their forms, as Redis before 7.0 wrote it."""
    body, previous, tail = b"", 0, 10
    for item in items:
        item = item if isinstance(item, bytes) else str(item).encode()
        n = number(item)
        entry = bytes([previous]) if previous < 254 else b"\xfe" + struct.pack("<I", previous)
        if n is None or not -2**63 <= n < 2**63:
            size = len(item)
            entry += bytes([size]) if size < 64 else (
                struct.pack(">H", 0x4000 | size) if size < 16384 else b"\x80" + struct.pack(">I", size))
            entry += item
        elif 0 <= n <= 12:
            entry += bytes([0xF1 + n])
        elif -128 <= n < 128:
            entry += b"\xfe" + struct.pack("<b", n)
        elif -2**15 <= n < 2**15:
            entry += b"\xc0" + struct.pack("<h", n)
        elif -2**23 <= n < 2**23:
            entry += b"\xf0" + struct.pack("<i", n)[:3]
        elif -2**31 <= n < 2**31:
            entry += b"\xd0" + struct.pack("<i", n)
        else:
            entry += b"\xe0" + struct.pack("<q", n)
        tail = 10 + len(body)
        body += entry
        previous = len(entry)
    return struct.pack("<IIH", 11 + len(body), tail, len(items)) + body + b"\xff"


def backward(size):
    """The length that stands behind an element of a listpack, to be read from the end."""
    back = b""
    while size >= 128:
        back = bytes([size & 127 | 128]) + back
        size >>= 7
    return bytes([size]) + back


def listpack(*items):
    """A listpack with everything as strings but small numbers, which are seven bits."""
    body = b""
    for item in items:
        item = item if isinstance(item, bytes) else str(item).encode()
        n = number(item)
        if n is not None and 0 <= n < 128:
            entry = bytes([n])
        elif n is not None and -2**63 <= n < 2**63:
            entry = b"\xf4" + struct.pack("<q", n)
            for code, bits, form in [(0xF1, 15, "<h"), (0xF3, 31, "<i")]:
                if -2**bits <= n < 2**bits:
                    entry = bytes([code]) + struct.pack(form, n)
                    break
        elif len(item) < 64:
            entry = bytes([0x80 | len(item)]) + item
        elif len(item) < 4096:
            entry = struct.pack(">H", 0xE000 | len(item)) + item
        else:
            entry = b"\xf0" + struct.pack("<I", len(item)) + item
        body += entry + backward(len(entry))
    return struct.pack("<IH", 7 + len(body), len(items)) + body + b"\xff"


def intset(*numbers):
    width = next(w for w in (2, 4, 8) if all(-2**(8 * w - 1) <= n < 2**(8 * w - 1) for n in numbers))
    form = {2: "h", 4: "i", 8: "q"}[width]
    return struct.pack("<II", width, len(numbers)) + b"".join(
        struct.pack("<" + form, n) for n in sorted(numbers))


def zipmap(*pairs):
    """Fields and values; each value has two bytes of unused room behind it."""
    size = lambda x: bytes([len(x)]) if len(x) < 254 else b"\xfe" + struct.pack("<I", len(x))
    body = b"".join(size(f) + f + size(v) + b"\x02" + v + b"??" for f, v in pairs)
    return bytes([min(len(pairs), 254)]) + body + b"\xff"


def text_score(score):
    if score in (float("inf"), float("-inf")):
        return b"\xfe" if score > 0 else b"\xff"
    text = repr(score).encode()
    return bytes([len(text)]) + text


def values():
    """(name, type, value in RDB form, what it is) of every type that Redis 1 to 7.2 writes."""
    long, pairs = b"x" * 70, [(b"f", b"v"), (b"12", b"-7"), (b"long", b"y" * 300)]
    scores = [(b"low", float("-inf")), (b"a", -1.5), (b"b", 2.0), (b"c", 1e300), (b"top", float("inf"))]
    flat = lambda items: [x for item in items for x in item]
    elements = [b"a", b"", b"12", b"-1", b"300", b"70000", b"-9000000", b"123456789012", long,
                b"z" * 300, b"b" * 20_000]
    packed = [(m, s) for m, s in scores]
    score = lambda s: b"inf" if s == float("inf") else b"-inf" if s == float("-inf") else repr(s).encode()
    in_pack = flat((m, score(s)) for m, s in packed)
    members = [b"one", b"2", b"three", long]
    yield "string", 0, string("text"), b"text"
    yield "string:empty", 0, string(""), b""
    for n in (5, -128, 30_000, -30_000, 2**31 - 1, -2**31):
        yield f"string:{n}", 0, small(n), b"%d" % n
    yield "string:14bit", 0, string(long * 3), long * 3
    yield "string:lzf", 0, repeated(b"r", 1000), b"r" * 1000
    yield "list:strings", 1, length(4) + string("a") + small(7) + string("") + repeated(b"q", 40), [
        b"a", b"7", b"", b"q" * 40]
    yield "set:strings", 2, length(3) + string("m") + small(-3) + string(long), {b"m", b"-3", long}
    yield "zset:text", 3, length(5) + b"".join(string(m) + text_score(s) for m, s in scores), scores
    yield "hash:strings", 4, length(3) + b"".join(string(x) for x in flat(pairs)), dict(pairs)
    yield "zset:binary", 5, length(5) + b"".join(
        string(m) + struct.pack("<d", s) for m, s in reversed(scores)), scores
    yield "hash:zipmap", 9, string(zipmap(*pairs)), dict(pairs)
    yield "list:ziplist", 10, string(ziplist(*elements)), elements
    yield "set:intset16", 11, string(intset(-5, 0, 300)), {b"-5", b"0", b"300"}
    yield "set:intset32", 11, string(intset(-5, 0, 70_000)), {b"-5", b"0", b"70000"}
    yield "set:intset64", 11, string(intset(-2**63, 1)), {b"-9223372036854775808", b"1"}
    yield "zset:ziplist", 12, string(ziplist(*in_pack)), scores
    yield "hash:ziplist", 13, string(ziplist(*flat(pairs))), dict(pairs)
    yield "list:quicklist", 14, length(2) + string(ziplist(*elements)) + string(ziplist(1, b"x")), [
        *elements, b"1", b"x"]
    yield "hash:listpack", 16, string(listpack(*flat(pairs))), dict(pairs)
    yield "zset:listpack", 17, string(listpack(*in_pack)), scores
    yield "list:quicklist2", 18, (
        length(3) + b"\x02" + string(listpack(*elements)) + b"\x01" + string(b"p" * 9000)
        + b"\x02" + string(listpack(b"end"))), [*elements, b"p" * 9000, b"end"]
    yield "list:compressed", 18, length(1) + b"\x02" + string(listpack(*[b"same"] * 50)), [b"same"] * 50
    yield "set:listpack", 20, string(listpack(*members)), set(members)


# The version of the file format that brought a type.
SINCE = {0: 1, 1: 1, 2: 1, 3: 1, 4: 2, 5: 8, 9: 4, 10: 4, 11: 4, 12: 4, 13: 4, 14: 7, 16: 10, 17: 10,
         18: 10, 20: 11}


def key(name, kind, value, before=b""):
    """One key's record; `before`: the opcodes that go with it."""
    return before + bytes([kind]) + string(name) + value


def file(body, version=10, checksum=True):
    """A whole file around the records."""
    data = b"REDIS%04d" % version + body + b"\xff"
    if version < 5:
        return data
    return data + (crc64(data) if checksum else 0).to_bytes(8, "little")


AUX, SELECT, RESIZE, FUNCTION = b"\xfa", b"\xfe", b"\xfb", b"\xf5"
EXPIRE_SECONDS, EXPIRE_MS, IDLE, FREQUENCY, SLOT = b"\xfd", b"\xfc", b"\xf8", b"\xf9", b"\xf4"
