"""A TCP proxy that does to connections what networks do: cuts, stalls, delays, narrows.

One listening port per --to address; the ports are printed as one line. Commands on standard input, one a line, each
answered by 'ok':
  cut            closes all connections
  cut-one        closes one connection, chosen by chance
  hold           stalls the connections that there are, both ways, without closing them; new ones work
  hold-all       stalls new ones too
  release        delivers what was stalled, also that of clients that are gone by now
  refuse, accept closes new connections at once, and no longer
  delay MS       delays every chunk
  bandwidth N    lets N bytes a second through per connection and direction; 0: all
  reset          ends all of this
"""

import argparse
import asyncio
import collections
import random
import sys


class Pipe:
    """One direction of a connection: reads greedily, writes when it may."""

    def __init__(self, line, reader, writer):
        self.line = line
        self.reader = reader
        self.writer = writer
        self.chunks = collections.deque()
        self.arrived = asyncio.Event()

    async def read(self):
        try:
            while chunk := await self.reader.read(1 << 16):
                self.chunks.append(chunk)
                self.arrived.set()
        except OSError:
            pass
        self.chunks.append(None)
        self.arrived.set()

    async def write(self):
        proxy = self.line.proxy
        try:
            while True:
                await self.arrived.wait()
                while self.chunks:
                    await self.line.gate.wait()
                    chunk = self.chunks.popleft()
                    if chunk is None:
                        self.writer.close()
                        return
                    if proxy.delay:
                        await asyncio.sleep(proxy.delay)
                    if proxy.bandwidth:
                        await asyncio.sleep(len(chunk) / proxy.bandwidth)
                    self.writer.write(chunk)
                    await self.writer.drain()
                self.arrived.clear()
        except OSError:
            self.writer.close()


class Line:
    """One connection of a client and the one to the server that belongs to it."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.gate = asyncio.Event()
        self.writers = []
        if not proxy.holds_new:
            self.gate.set()

    async def run(self, client_reader, client_writer, address):
        self.writers = [client_writer]
        try:
            server_reader, server_writer = await asyncio.open_connection(*address)
        except OSError:
            client_writer.close()
            return
        self.writers.append(server_writer)
        up = Pipe(self, client_reader, server_writer)
        down = Pipe(self, server_reader, client_writer)
        await asyncio.gather(up.read(), up.write(), down.read(), down.write())

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()
        self.gate.set()


class Proxy:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = {}
        self.delay = 0.0
        self.bandwidth = 0
        self.holds_new = False
        self.refuses = False

    async def listen(self, address):
        async def accept(reader, writer):
            if self.refuses:
                writer.transport.abort()
                return
            line = Line(self)
            self.lines[id(line)] = line
            try:
                await line.run(reader, writer, address)
            finally:
                self.lines.pop(id(line), None)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    def obey(self, command, *arguments):
        match command:
            case "cut":
                for line in list(self.lines.values()):
                    line.cut()
            case "cut-one":
                if self.lines:
                    self.lines[self.random.choice(list(self.lines))].cut()
            case "hold" | "hold-all":
                self.holds_new = command == "hold-all"
                for line in self.lines.values():
                    line.gate.clear()
            case "release":
                self.release()
            case "refuse":
                self.refuses = True
            case "accept":
                self.refuses = False
            case "delay":
                self.delay = float(arguments[0]) / 1000
            case "bandwidth":
                self.bandwidth = int(arguments[0])
            case "reset":
                self.delay, self.bandwidth, self.refuses = 0.0, 0, False
                self.release()
            case _:
                return f"error: '{command}' is not a command"
        return "ok"

    def release(self):
        self.holds_new = False
        for line in self.lines.values():
            line.gate.set()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, help="addresses, HOST:PORT, comma separated")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    proxy = Proxy(options.seed)
    ports = []
    for address in options.to.split(","):
        host, port = address.rsplit(":", 1)
        ports.append(await proxy.listen((host, int(port))))
    print(",".join(map(str, ports)), flush=True)
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    while line := (await stdin.readline()).decode().split():
        print(proxy.obey(*line), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
