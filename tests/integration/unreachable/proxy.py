#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that can be started late and killed: proxy.py <port to listen on> <host:port to pass on to>."""
import asyncio
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def main():
    port, (host, target) = int(sys.argv[1]), sys.argv[2].rsplit(":", 1)

    async def serve(reader, writer):
        try:
            out_reader, out_writer = await asyncio.open_connection(host, int(target))
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, out_writer), copy(out_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


asyncio.run(main())
