"""Clients that ask a server for predictions as fast as it answers. Runs in a worker process of its own.

Requests are made beforehand and answers only looked at as far as the next one needs, so that the clients take little
of the processor, which they share with the server.
"""

import asyncio
from collections.abc import Sequence
from time import perf_counter

Timed = tuple[list[float], dict[int, int]]  # seconds of each request after warming up, and answers by status


def multipart(path: str, photo: bytes, headers: dict[str, str]) -> bytes:
    """A whole request that posts one photo as the form's `file`."""
    boundary = "thimble-load"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    body += photo + f"\r\n--{boundary}--\r\n".encode()
    lines = {
        "Host": "127.0.0.1",
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def ask(port: int, requests: Sequence[bytes], clients: int, seconds: float, warm_up: float) -> Timed:
    """So many clients at once, each with one connection, one request after another."""
    return asyncio.run(_ask(port, requests, clients, seconds, warm_up))


async def _ask(port: int, requests: Sequence[bytes], clients: int, seconds: float, warm_up: float) -> Timed:
    begin = perf_counter() + warm_up
    end = begin + seconds
    taken: list[float] = []
    statuses: dict[int, int] = {}

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = number
        while (started := perf_counter()) < end:
            writer.write(requests[at % len(requests)])
            status = await _status(reader)
            if started >= begin:
                taken.append(perf_counter() - started)
                statuses[status] = statuses.get(status, 0) + 1
            at += clients
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return taken, statuses


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of an answer, which is read to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length"))
    await reader.readexactly(length)
    return int(lines[0].split()[1])
