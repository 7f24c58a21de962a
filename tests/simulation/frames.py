"""WebSocket frames as a server reads and writes them (RFC 6455)."""

from __future__ import annotations

import base64
import hashlib
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def encode(opcode, payload, final=True):
    size = len(payload)
    first = opcode | (0x80 if final else 0)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def decode(data):
    """The first whole frame in `data`, masked, as (opcode, payload, its size); None if there is none yet."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size == 126:
        if len(data) < 4:
            return None
        size, at = struct.unpack("!H", data[2:4])[0], 4
    elif size == 127:
        if len(data) < 10:
            return None
        size, at = struct.unpack("!Q", data[2:10])[0], 10
    end = at + 4 + size
    if len(data) < end:
        return None
    mask = (data[at : at + 4] * (size // 4 + 1))[:size]
    payload = int.from_bytes(data[at + 4 : end], "little") ^ int.from_bytes(mask, "little")
    return data[0] & 0x0F, payload.to_bytes(size, "little"), end
