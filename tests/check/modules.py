"""One test file a module: <layer>/<module>.{h,cc} has tests/unit/<layer>/<module>_test.cc, and the other way round.

The header of a module that is not installed may be called <module>_internal.h. A test that makes threads is among its
layer's `threaded_sources`, which run under ThreadSanitizer.
"""

import re

from tree import LAYERS, ROOT, named, sources

# Modules without behaviour of their own, and why no test file is asked for.
EXEMPT = {
    "core/export": "one macro; that the shared library exports by it is what the consumer builds show",
    "http/connection_answers": "a part of http/connection, whose test covers it",
    "http/connection_requests": "a part of http/connection, whose test covers it",
    "transport/socket_stream_output": "a part of transport/socket_stream, whose test covers it",
    "tls/openssl_types": "names for OpenSSL's types and what frees them; the tests of what uses them cover it",
    "tls/secure_stream": "what tls/stream makes, whose test covers it",
    "tls/secure_stream_input": "a part of tls/secure_stream",
    "tls/secure_stream_output": "a part of tls/secure_stream",
    "websocket/connection_sending": "a part of websocket/connection, whose test covers it",
    "websocket/deflate_backend": "a part of websocket/deflate, whose test covers it",
    "websocket/deflate_isal": "a part of websocket/deflate, whose test covers it",
    "websocket/deflate_zlib": "a part of websocket/deflate, whose test covers it",
    "websocket/mask_avx2": "a part of websocket/mask, whose test covers it",
    "websocket/utf8_avx2": "a part of websocket/utf8, whose test covers it",
    "websocket/utf8_avx512": "a part of websocket/utf8, whose test covers it",
}

THREADS = re.compile(r"\bstd::(j?thread|async)\b")


def complaints():
    modules = {named(path.with_suffix("")).removesuffix("_internal") for layer in LAYERS for path in sources(layer)}
    tests = {
        named(path)
        for layer in LAYERS
        for path in sources(f"tests/unit/{layer}", suffixes=(".cc",))
        if path.stem.endswith("_test")
    }
    for module in sorted(modules - EXEMPT.keys()):
        wanted = f"tests/unit/{module}_test.cc"
        if wanted not in tests:
            yield f"{module} has no test; write {wanted}"
    for test in sorted(tests):
        module = test.removeprefix("tests/unit/").removesuffix("_test.cc")
        if module not in modules:
            yield f"{test} tests no module; there is no {module}.h or .cc"
    for layer in LAYERS:
        listed = (ROOT / "tests/unit" / layer / "meson.build").read_text().partition("threaded_sources")[2]
        for path in sources(f"tests/unit/{layer}", suffixes=(".cc",)):
            if bool(THREADS.search(path.read_text())) != (f"'{path.name}'" in listed):
                yield f"{named(path)}: threaded_sources, in meson.build beside it, are those that make threads"
    for module in sorted(EXEMPT.keys() - modules):
        yield f"{module} is exempt in {named(ROOT / 'tests/check/modules.py')} and does not exist; remove the line"
