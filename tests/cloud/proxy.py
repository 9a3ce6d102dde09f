"""A proxy between the functions and the emulator: it keeps what they ask for, and answers wrongly when it is told to.

It stands where functions find AWS (LOCAL_CLOUD_FUNCTION_ENDPOINT). Plain HTTP/1.1 with one request for a connection.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from calls import Call, Request, calls_of
from processes import function_of, kill

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
# The largest head of a request that is read.
HEAD_LIMIT = 1 << 18


class Answer(Enum):
    """What comes instead of the right answer."""

    SLOW_DOWN = "503 SlowDown"
    CLOSED = "the connection is closed"
    NOTHING = "nothing, until whoever asked gives up"
    DEATH = "the process that asked is killed"


@dataclass
class Fault:
    """The next `times` requests that it hits get this answer; with `takes_effect` they reach the emulator before."""

    hits: Callable[[Call], bool]
    answer: Answer
    times: int
    takes_effect: bool = False
    used_up: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Runs in a thread of its own until it is stopped."""

    def __init__(self, upstream_port: int) -> None:
        self.calls: set[Call] = set()
        self.port = 0
        self._upstream_port = upstream_port
        self._faults: list[Fault] = []
        self._functions: dict[str, str] = {}
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def saw(self, function: str) -> bool:
        return any(call.function == function for call in list(self.calls))

    async def _run(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await read_request(reader, writer)
            await self._answer(request, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever asked has gone, or the proxy stops
        finally:
            writer.close()

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._note(request)
        if fault is None:
            writer.write(await self._forward(request))
            await writer.drain()
            return
        if fault.takes_effect:
            await self._forward(request)
        if fault.answer is Answer.SLOW_DOWN:
            writer.write(b"HTTP/1.1 503 Slow Down\r\nConnection: close\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(SLOW_DOWN), SLOW_DOWN))
            await writer.drain()
        elif fault.answer is Answer.NOTHING:
            await reader.read()
        elif fault.answer is Answer.DEATH:
            kill(request.access_key)
        if fault.times == 0:
            fault.used_up.set()

    def _note(self, request: Request) -> Fault | None:
        """Keeps the call, and finds what is to happen to it."""
        calls = calls_of(request, self._function(request.access_key))
        with self._lock:
            self.calls.update(calls)
            fault = next((fault for fault in self._faults if fault.times and any(map(fault.hits, calls))), None)
            if fault:
                fault.times -= 1
            return fault

    def _function(self, access_key: str) -> str:
        """Each process of a function has keys of its own, which its environment shows."""
        if access_key not in self._functions:
            self._functions[access_key] = function_of(access_key)
        return self._functions[access_key]

    async def _forward(self, request: Request) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        try:
            headers = {**request.headers, "connection": "close"}
            head = f"{request.method} {request.target} HTTP/1.1\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(head.encode("latin-1") + b"\r\n" + request.body)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "transfer-encoding" in headers:
        raise NotImplementedError(f"{method} {target}: the proxy reads bodies by their Content-Length only")
    # Whoever asks first whether to send the body is told so here, and not once more by the emulator.
    if headers.pop("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
