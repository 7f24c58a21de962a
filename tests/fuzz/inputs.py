"""What the targets are fed: the corpus, changed at random, and bytes that follow each target's grammar part of the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import strategies as documents
from hypothesis import strategies as st
from transports.dap_peer import frame

CORPUS = Path(__file__).with_name("corpus")

_ODD = [
    b"",
    b"\x00",
    b"\xff",
    b"\x1b[2J",
    b'"\\ud800"',
    b"1e999",
    b"NaN",
    b"9" * 400,
    b"-1",
    b"null",
    b"[" * 300,
    b"{}",
    b"tk_560d04a8eac4abb1b4af0d8878dc856c",
    b"key-0123456789abcdef",
    b"\r\n\r\n",
    b"%s",
]
_VALUES = documents.JSON_VALUES | st.sampled_from(
    [1e308, -0.0, 2**63, 10**400, "\ud800", "\x1b]0;x\x07", [], {}]
)


def corpus(target: str) -> List[Path]:
    """The files of a target's corpus."""
    return sorted(path for path in (CORPUS / target).iterdir() if path.is_file())


def of(target: str) -> st.SearchStrategy[bytes]:
    """Inputs for a target."""
    kept = st.sampled_from([path.read_bytes() for path in corpus(target)])
    return st.one_of(
        kept.flatmap(_changed), _GRAMMARS[target].flatmap(_maybe_changed), st.binary(max_size=200)
    )


def _maybe_changed(data: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(st.just(data), _changed(data))


@st.composite
def _changed(draw: Any, data: bytes) -> bytes:
    """`data` with a few places overwritten, cut out or filled in."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 1, 2, 8, 100])))
        put = draw(st.one_of(st.binary(max_size=4), st.sampled_from(_ODD), st.just(data[start:end] * 2)))
        data = data[:start] + put + data[end:]
    return data


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def _strange_status(draw: Any) -> Any:
    """A status, some of whose values are of another kind."""
    document = dict(
        draw(documents.full_documents() | documents.partial_documents() | documents.newer_documents())
    )
    for name in draw(st.lists(st.sampled_from(sorted(documents.STATUS)), max_size=2)):
        document[name] = draw(_VALUES)
    return document


_STATUSES = _strange_status()
_TEXTS = st.one_of(
    documents.TEXT, st.sampled_from(["Your pipeline is not running", "Bad request", "\x1b[2J", "\ud800"])
)
_ERRORS = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["OK", "Error", 1]),
        "data": _STATUSES | _VALUES,
        "error": st.fixed_dictionaries(
            {}, optional={"message": _TEXTS | _VALUES, "error": _TEXTS, "code": _TEXTS}
        ),
        "detail": _TEXTS
        | st.lists(st.fixed_dictionaries({}, optional={"loc": _VALUES, "msg": _VALUES}), max_size=3),
    },
)
_CODES = st.sampled_from(
    [200, 201, 204, 301, 302, 400, 401, 403, 404, 405, 407, 422, 429, 500, 502, 503, 504, 599, 999]
)
_HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Retry-After", "Date", "Location", "Content-Type", "Content-Encoding", "X"]),
        st.one_of(
            documents.TEXT,
            st.sampled_from(
                ["gzip", "deflate", "7", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 99 Oct 9999999 -0000", "//[x"]
            ),
        ),
    ),
    max_size=4,
)


@st.composite
def _envelopes(draw: Any) -> bytes:
    head = [str(draw(_CODES)), *(f"{name}: {value}" for name, value in draw(_HEADERS))]
    return "\n".join(head).encode("utf-8", "surrogatepass") + b"\n\n" + _json(draw(_ERRORS))


@st.composite
def _http_answers(draw: Any) -> bytes:
    body = _json(draw(_ERRORS))
    head = [
        f"HTTP/1.1 {draw(_CODES)} {draw(documents.TEXT)}",
        *(f"{name}: {value}" for name, value in draw(_HEADERS)),
    ]
    way = draw(st.sampled_from(["length", "wrong length", "chunks", "none"]))
    if way == "chunks":
        head.append("Transfer-Encoding: chunked")
        size = draw(st.sampled_from([b"%x" % len(body), b"-1", b"-5", b"ffffffffffffffffff", b"0", b"zz"]))
        body = size + b"\r\n" + body + b"\r\n0\r\n\r\n"
    elif way != "none":
        head.append(
            f"Content-Length: {len(body) if way == 'length' else draw(st.sampled_from(['-1', '9' * 30, '1, 2', 'x']))}"
        )
    return "\r\n".join(head).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body


_MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["response", "response", "event", "request", 1, None])},
    optional={
        "request_seq": st.sampled_from([1, 2, 2, 3, -1, True, 1.0, "1", 10**30, None]),
        "success": st.sampled_from([True, True, False, 1, None, "x"]),
        "body": _STATUSES | _VALUES,
        "message": _TEXTS | _VALUES,
        "code": _TEXTS | _VALUES,
        "event": _TEXTS | _VALUES,
        "arguments": _VALUES,
    },
).map(_json)


@st.composite
def _dialogues(draw: Any) -> bytes:
    return b"\x1e".join(
        draw(st.sampled_from([b"T", b"B"])) + message for message in draw(st.lists(_MESSAGES, max_size=4))
    )


@st.composite
def _frames(draw: Any) -> bytes:
    made = b""
    for payload in draw(st.lists(_MESSAGES | st.binary(max_size=130), max_size=5)):
        announced = draw(st.sampled_from([None, None, None, 0, 125, 126, 65_536, 2**31, 2**63]))
        opcode = draw(st.sampled_from([1, 1, 1, 2, 0, 8, 9, 10, 3, 15]))
        made += frame(payload, opcode, fin=draw(st.booleans()), announced=announced)
    return made


_GRAMMARS = {
    "decoder": _STATUSES.map(_json),
    "envelope": _envelopes(),
    "dialogue": _dialogues(),
    "frames": _frames(),
    "http_bytes": _http_answers(),
}
