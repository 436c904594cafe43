# SPDX-License-Identifier: Apache-2.0
"""Brings the one-node replica set on 127.0.0.1 up; exits 0 once it can run transactions, 1 while not yet.

usage: mongo_ready.py <port> <set name> <pid>

The pid is that of our own mongod: another program's may have been quicker to
take the port, and then ours is about to end.

There is no mongosh in Debian and a driver would be one more download, so this
speaks the few messages needed: OP_MSG (opcode 2013) with one BSON document,
as in the MongoDB wire protocol specification.
"""
import socket
import struct
import sys

OP_MSG = 2013


def encode(document):
    """dict -> BSON; only the types that are used here."""
    out = b""
    for name, value in document.items():
        key = name.encode() + b"\0"
        if isinstance(value, bool):
            out += b"\x08" + key + bytes([value])
        elif isinstance(value, int):
            out += b"\x10" + key + struct.pack("<i", value)
        elif isinstance(value, str):
            text = value.encode() + b"\0"
            out += b"\x02" + key + struct.pack("<i", len(text)) + text
        elif isinstance(value, dict):
            out += b"\x03" + key + encode(value)
        elif isinstance(value, list):
            out += b"\x04" + key + encode({str(i): item for i, item in enumerate(value)})
        else:
            raise TypeError(f"{name}: {type(value)}")
    return struct.pack("<i", len(out) + 5) + out + b"\0"


FIXED = {0x01: "<d", 0x08: "<?", 0x09: "<q", 0x10: "<i", 0x11: "<Q", 0x12: "<q"}


def decode(data, at=0):
    """BSON -> dict; types without a use here become their bytes or None."""
    end = at + struct.unpack_from("<i", data, at)[0] - 1
    at += 4
    out = {}
    while at < end:
        kind = data[at]
        stop = data.index(b"\0", at + 1)
        name = data[at + 1 : stop].decode()
        at = stop + 1
        if kind in FIXED:
            out[name] = struct.unpack_from(FIXED[kind], data, at)[0]
            at += struct.calcsize(FIXED[kind])
        elif kind in (0x03, 0x04):
            out[name] = decode(data, at)
            at += struct.unpack_from("<i", data, at)[0]
        elif kind == 0x02:
            size = struct.unpack_from("<i", data, at)[0]
            out[name] = data[at + 4 : at + 3 + size].decode()
            at += 4 + size
        elif kind == 0x05:
            at += 5 + struct.unpack_from("<i", data, at)[0]
        elif kind in (0x06, 0x0A, 0x7F, 0xFF):
            out[name] = None
        elif kind == 0x07:
            at += 12
        else:
            raise ValueError(f"{name}: BSON type {kind:#x}")
    return out


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("mongod closed the connection")
        data += part
    return data


def command(connection, document):
    body = b"\0\0\0\0\0" + encode({**document, "$db": "admin"})
    connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, OP_MSG) + body)
    size = struct.unpack("<i", receive(connection, 4))[0]
    return decode(receive(connection, size - 4), 12 + 4 + 1)


def bring_up(connection, address, name, pid):
    if command(connection, {"serverStatus": 1})["pid"] != pid:
        raise RuntimeError(f"the mongod on {address} is not ours")
    hello = command(connection, {"hello": 1})
    if hello.get("isWritablePrimary") and hello.get("me") == address:
        return "logicalSessionTimeoutMinutes" in hello
    status = command(connection, {"replSetGetConfig": 1})
    members = [{"_id": 0, "host": address}]
    if status.get("codeName") == "NotYetInitialized":
        answer = command(connection, {"replSetInitiate": {"_id": name, "members": members}})
    elif "config" in status and status["config"]["members"]["0"]["host"] != address:
        config = {"_id": name, "version": status["config"]["version"] + 1, "members": members}
        answer = command(connection, {"replSetReconfig": config, "force": True})
    else:
        return False
    if answer.get("ok") != 1:
        raise RuntimeError(answer.get("errmsg"))
    return False


def main():
    port, name, pid = sys.argv[1:]
    with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as connection:
        return 0 if bring_up(connection, f"127.0.0.1:{port}", name, int(pid)) else 1


if __name__ == "__main__":
    sys.exit(main())
