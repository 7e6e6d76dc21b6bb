#!/usr/bin/python3
"""The echo server over TLS, spoken to by openssl's client, curl and python3-websockets."""

import asyncio
import functools
import inspect
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile

import websockets
from support.cases import run_cases, spoken
from support.deflate_peer import CLOSE, FIN, HANDSHAKE, frame
from support.tls import PATIENCE, OpenSsl, TlsServer, made

VERSIONS = (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3"))
OLD = "DEFAULT@SECLEVEL=0"  # With which OpenSSL still speaks TLS 1.1.


def curl(*arguments) -> subprocess.CompletedProcess:
    command = ["curl", "--silent", "--show-error", "--max-time", str(PATIENCE), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


# openssl s_client


def tls_1_2_and_1_3_are_spoken_and_aes_128_is_preferred(server):
    ciphers = {"TLSv1.2": "ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.3": "TLS_AES_128_GCM_SHA256"}
    for flag, name in VERSIONS:
        with OpenSsl(server.port, flag) as client:
            client.until(r"^ *Verify return code: 0 \(ok\)")
            client.until(f"^New, {name}, Cipher is {ciphers[name]}$")
            client.get("/plaintext", "close")
            client.until("Hello, World!")
            assert client.end() == 0, client.output


def tls_1_1_is_refused_with_an_alert(server):
    with OpenSsl(server.port, "-tls1_1", "-cipher", OLD) as client:
        client.until("alert protocol version")
        assert client.end() != 0
    assert "protocol" in server.line("127.0.0.1:", "failed")


def http_1_1_is_chosen_by_alpn_where_it_is_offered(server):
    for offer in ("http/1.1", "h2,http/1.1", "http/1.1,http/1.0"):
        with OpenSsl(server.port, "-alpn", offer) as client:
            client.until("^ALPN protocol: http/1.1$")


def a_client_without_alpn_is_served(server):
    with OpenSsl(server.port) as client:
        client.until("^No ALPN negotiated$")
        client.get("/plaintext", "close")
        client.until("Hello, World!")


def a_client_that_offers_only_h2_is_refused(server):
    for flag, _ in VERSIONS:
        with OpenSsl(server.port, flag, "-alpn", "h2") as client:
            client.until("alert no application protocol")
            assert client.end() != 0
    assert len(server.lines("127.0.0.1:", "failed", "application protocol")) == 2, server.lines()


def keys_are_updated_on_request(server):
    with OpenSsl(server.port, "-tls1_3") as client:
        client.until("NewSessionTicket")
        for count in (1, 2, 3):
            client.say("K\n")
            client.until(rf"(?s)(>>>[^\n]*, KeyUpdate.*){{{count}}}")
            # The server changes its own keys with the next thing that it sends.
            client.get("/plaintext")
            client.until(rf"(?s)(<<<[^\n]*, KeyUpdate.*){{{count}}}")
            client.until(rf"(?s)(Hello, World!.*){{{count}}}")
        client.say("k\n")
        client.until(r"(?s)(>>>[^\n]*, KeyUpdate.*){4}")
        client.get("/plaintext", "close")
        client.until(r"(?s)(Hello, World!.*){4}")
        assert client.end() == 0, client.output


def an_answer_that_closes_ends_with_close_notify(server):
    for flag, _ in VERSIONS:
        with OpenSsl(server.port, flag) as client:
            client.until(r"^ *Verify return code")
            client.get("/plaintext", "close")
            client.until("<<<.*, warning close_notify")
            client.until("^closed$")
            assert client.end() == 0, client.output


def a_close_notify_is_answered_with_one(server):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with raw_client(server, version) as client:
            client.sendall(b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"World!"):
                answer += client.recv(1000)
            # This throws unless close_notify comes back; behind it is the end.
            plain = client.unwrap()
            assert plain.recv(1) == b""
            plain.close()
    assert not server.lines(), server.lines()


def a_websocket_ends_with_close_notify(server):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with raw_client(server, version) as client:
            client.sendall((HANDSHAKE + "\r\n").encode() + frame(FIN | CLOSE, b"\x03\xe8"))
            answer = b""
            # Without close_notify the end is an exception.
            while data := client.recv(1000):
                answer += data
            assert answer.endswith(b"\r\n\r\n\x88\x02\x03\xe8"), answer
    assert not server.lines(), server.lines()


def raw_client(server, version) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=made("ca.pem"))
    context.minimum_version = context.maximum_version = version
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    return context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)


def renegotiation_is_refused(server):
    with OpenSsl(server.port, "-tls1_2") as client:
        client.until("^New, TLSv1.2")
        client.until("(?s)NewSessionTicket.*^---$")
        client.say("R\n")
        client.until("^RENEGOTIATING$")
        client.until("<<<.*, warning no_renegotiation")
        # This client gives up.
        assert client.end() != 0
    with OpenSsl(server.port) as client:
        client.get("/plaintext", "close")
        client.until("Hello, World!")


def a_session_is_resumed(server):
    with tempfile.TemporaryDirectory() as folder:
        session = pathlib.Path(folder) / "session"
        for flag, name in VERSIONS:
            with OpenSsl(server.port, flag, "-sess_out", session) as client:
                client.until(f"^New, {name}")
                client.until("<<<.*NewSessionTicket")
                client.get("/plaintext", "close")
                assert client.end() == 0, client.output
            with OpenSsl(server.port, flag, "-sess_in", session) as client:
                client.until(f"^Reused, {name}")
                client.get("/plaintext", "close")
                client.until("Hello, World!")


# curl


def curl_gets_by_name_and_by_address(server):
    for host in ("localhost", "127.0.0.1"):
        got = curl("--cacert", made("ca.pem"), "--write-out", " %{http_code} %{http_version}",
                   f"https://{host}:{server.port}/plaintext")
        assert got.stdout == "Hello, World! 200 1.1", got


def a_client_that_trusts_others_says_so_and_the_log_too(server):
    refused = curl(f"https://localhost:{server.port}/plaintext")
    assert refused.returncode == 60, refused
    # Whether the address is still known depends on how fast the client leaves.
    assert "unknown ca" in server.line("TLS handshake", "failed")


def plain_http_is_told_that_this_is_tls(server):
    got = curl("--write-out", "%{http_code}", f"http://127.0.0.1:{server.port}/plaintext")
    assert got.stdout == "This port speaks TLS: begin with https://\n400", got
    assert "plain text" in server.line("127.0.0.1:", "failed")


# python3-websockets


async def messages_of_many_sizes_come_back(server):
    edges = (0, 125, 126, 16384, 32768, 65535, 65536, 1 << 20)
    around = (-14, -10, -5, -4, -2, -1, 0, 1, 2)  # Some of it is head: of the frame, of the record.
    async with server.connect() as client:
        for size in sorted({edge + by for edge in edges for by in around if 0 <= edge + by <= 1 << 20}):
            message = os.urandom(size)
            await client.send(message)
            assert await client.recv() == message, size


async def many_messages_at_once_come_back_in_order(server):
    async with server.connect() as client:
        messages = [os.urandom(size * 37 % 5000) for size in range(2000)]

        async def send():
            for message in messages:
                await client.send(message)

        sending = asyncio.create_task(send())
        for message in messages:
            assert await client.recv() == message
        await sending


async def compressed_messages_come_back(server):
    async with server.connect(compression="deflate") as client:
        assert [extension.name for extension in client.extensions] == ["permessage-deflate"]
        for size in (0, 10, 1000, 16384, 100_000):
            await client.send("tide " * size)
            assert await client.recv() == "tide " * size


async def only_pages_of_https_have_the_same_origin(server):
    async with server.connect(origin=f"https://localhost:{server.port}") as client:
        await client.send("hello")
        assert await client.recv() == "hello"
    try:
        async with server.connect(origin=f"http://localhost:{server.port}"):
            raise AssertionError("accepted")
    except websockets.InvalidStatusCode as refused:
        assert refused.status_code == 403, refused.status_code


async def sigterm_closes_with_1001_and_ends_with_0(server):
    async with server.connect() as client:
        await client.send("hello")
        assert await client.recv() == "hello"
        server.process.send_signal(signal.SIGTERM)
        await client.wait_closed()
        assert client.close_code == 1001, client.close_code
    status = await asyncio.to_thread(server.process.wait, PATIENCE)
    assert status == 0, status
    assert not server.lines(), server.lines()


CASES = (
    tls_1_2_and_1_3_are_spoken_and_aes_128_is_preferred,
    tls_1_1_is_refused_with_an_alert,
    http_1_1_is_chosen_by_alpn_where_it_is_offered,
    a_client_without_alpn_is_served,
    a_client_that_offers_only_h2_is_refused,
    keys_are_updated_on_request,
    an_answer_that_closes_ends_with_close_notify,
    a_close_notify_is_answered_with_one,
    a_websocket_ends_with_close_notify,
    renegotiation_is_refused,
    a_session_is_resumed,
    curl_gets_by_name_and_by_address,
    a_client_that_trusts_others_says_so_and_the_log_too,
    plain_http_is_told_that_this_is_tls,
    messages_of_many_sizes_come_back,
    many_messages_at_once_come_back_in_order,
    compressed_messages_come_back,
    only_pages_of_https_have_the_same_origin,
    sigterm_closes_with_1001_and_ends_with_0,
)


def with_server(case) -> None:
    # Messages are compressed with clients alone that offer it.
    with TlsServer("--deflate") as server:
        result = case(server)
        if inspect.isawaitable(result):
            asyncio.run(asyncio.wait_for(result, 120))


if __name__ == "__main__":
    sys.exit(run_cases((spoken(case), functools.partial(with_server, case)) for case in CASES))
