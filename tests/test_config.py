"""Addresses, credentials and the environment."""

import itertools
from pathlib import Path

import pytest
from cases import each

from rocketride_sync import ConfigurationError, RocketRideClient, RocketRideWarning
from rocketride_sync.address import Address
from rocketride_sync.config import Settings, resolve

KEY = "the-secret-key"


@each(
    ("uri", "http", "path"),
    [
        ("localhost", "http://localhost:5565", "/task/service"),
        ("localhost:80", "http://localhost:80", "/task/service"),
        ("10.0.0.7:5565", "http://10.0.0.7:5565", "/task/service"),
        ("http://rr.example", "http://rr.example:5565", "/task/service"),
        ("https://rr.example:443", "https://rr.example:443", "/task/service"),
        ("ws://rr.example", "http://rr.example:5565", "/task/service"),
        ("WSS://RR.example/", "https://rr.example:5565", "/task/service"),
        ("https://api.rocketride.ai", "https://api.rocketride.ai", "/task/service"),
        ("api.rocketride.ai", "https://api.rocketride.ai", "/task/service"),
        ("rocketride.ai.evil.example", "http://rocketride.ai.evil.example:5565", None),
        ("http://h/base/path/", "http://h:5565/base/path", "/base/path/task/service"),
        ("h/base", "http://h:5565/base", "/base/task/service"),
        ("http:80", "http://http:80", "/task/service"),
        ("ws:80/base", "http://ws:80/base", "/base/task/service"),
        ("http/base", "http://http:5565/base", "/base/task/service"),
        ("https.example//", "http://https.example:5565", "/task/service"),
        ("http://[::1]:8080", "http://[::1]:8080", "/task/service"),
        ("http://[::1]", "http://[::1]:5565", "/task/service"),
        ("  localhost\n", "http://localhost:5565", None),
        ("http://rr.example.", "http://rr.example.:5565", None),
    ],
)
def test_addresses_are_read_as_documented(uri, http, path):
    address = Address.parse(uri)
    assert address.http_url == http
    if path:
        assert address.websocket_path == path


def test_an_address_equals_that_with_the_port_that_is_assumed():
    assumed, given = Address.parse("http://h"), Address.parse("http://h:5565")
    assert (assumed, hash(assumed)) == (given, hash(given))
    assert assumed != Address.parse("http://h:80")
    assert (assumed.port_assumed, given.port_assumed) == (True, False)


@each(
    ("uri", "why"),
    [
        ("ftp://host", "unknown scheme 'ftp'"),
        ("http://", "no usable host"),
        ("//x", "no usable host"),
        ("http://a..b", "no usable host"),
        ("http://" + "a" * 64, "no usable host"),
        ("http://host:port", "port must be a number"),
        ("http://host:0", "port must be a number"),
        ("http://host:70000", "port must be a number"),
        ("http://me:hunter2@host", "no user or password"),
        ("http://host?token=1", "no query or fragment"),
        ("ho st", "^uri: it holds white space"),
        ("höst", "^uri: it holds characters outside ASCII"),
        ("   ", "^uri: it is empty"),
        ("'http://host'", "^uri: .*quotes"),
        ('http://host"', "^uri: .*quotes"),
        ("\u201chost\u201d", "^uri: .*quotes"),
        ("http://host/task/service", "^uri: leave out /task/service"),
        ("wss://host/base/task/service/", "^uri: leave out /task/service"),
        ("host/task/service?x=1", "^uri: leave out /task/service"),
        ("http//127.0.0.1:5565", "^uri: a ':' is missing after 'http'"),
        ("HTTPS//me:hunter2@host", "^uri: a ':' is missing after 'https'"),
        ("ws//host", "^uri: a ':' is missing after 'ws'"),
        ("wss//host/base", "^uri: a ':' is missing after 'wss'"),
        ("http:/host", "^uri: '//' must stand after 'http:'"),
        ("https:/host:80/base", "^uri: '//' must stand after 'https:'"),
        ("https:host", "^uri: '//' must stand after 'https:'"),
        ("ws:host:80", "^uri: '//' must stand after 'ws:'"),
        ("http:127.0.0.1", "^uri: '//' must stand after 'http:'"),
        ("http:me:hunter2@host", "^uri: '//' must stand after 'http:'"),
        ("http:", "^uri: '//' must stand after 'http:'"),
        ("http://https://host", "^uri: it begins with two schemes"),
        ("ws://http//host", "^uri: it begins with two schemes"),
        ("http://http:host", "^uri: it begins with two schemes"),
    ],
)
def test_a_wrong_address_is_refused_without_being_repeated(uri, why):
    with pytest.raises(ConfigurationError, match=why) as caught:
        Address.parse(uri)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"^ROCKETRIDE_URI: "):
        Address.parse(uri, "ROCKETRIDE_URI")


def test_the_environment_fills_in_what_is_not_given(monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_URI", "from-environment")
    monkeypatch.setenv("ROCKETRIDE_APIKEY", KEY)
    assert resolve(None, None) == (Address.parse("from-environment"), KEY)
    assert resolve("given", "mine") == (Address.parse("given"), "mine")


@pytest.mark.parametrize("name", ["ROCKETRIDE_URI", "ROCKETRIDE_APIKEY"])
@pytest.mark.parametrize("value", ['"http://rr.example"', "'x'", ' "x" ', '"x', "x'", "\u201cx\u201d"])
def test_quotes_in_the_environment_are_said_to_be_there(monkeypatch, name, value):
    monkeypatch.setenv("ROCKETRIDE_APIKEY", KEY)
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name}: .*quotes.*leave them out") as caught:
        resolve(None, None)
    assert "rr.example" not in str(caught.value)


@pytest.mark.parametrize("padding", [" {}", "{}\r", "\t{}\n"])
def test_white_space_around_a_value_is_left_out_and_said_to_be_there(monkeypatch, padding):
    monkeypatch.setenv("ROCKETRIDE_URI", padding.format("rr.example"))
    with pytest.warns(RocketRideWarning, match="^ROCKETRIDE_URI: .*white space") as caught:
        assert resolve(None, KEY) == (Address.parse("rr.example"), KEY)
    assert len(caught) == 1
    monkeypatch.setenv("ROCKETRIDE_URI", "rr.example")
    monkeypatch.setenv("ROCKETRIDE_APIKEY", padding.format(KEY))
    with pytest.warns(RocketRideWarning, match="^ROCKETRIDE_APIKEY: ") as caught:
        assert resolve(None, None)[1] == KEY
    assert KEY not in str(caught[0].message)


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_blank_value_is_none(monkeypatch, blank):
    monkeypatch.setenv("ROCKETRIDE_URI", blank)
    monkeypatch.setenv("ROCKETRIDE_APIKEY", blank)
    assert resolve(None, None) == (Address.parse("api.rocketride.ai"), "")


@pytest.mark.parametrize("blank", ["", " ", "\n"])
@pytest.mark.parametrize("elsewhere", ["", "rr.example"])
def test_a_blank_address_is_neither_that_of_the_environment_nor_the_cloud(monkeypatch, elsewhere, blank):
    monkeypatch.setenv("ROCKETRIDE_URI", elsewhere)
    with pytest.raises(ConfigurationError, match=r"^uri: it is empty"):
        resolve(blank, KEY)


def test_without_an_address_it_is_the_cloud(monkeypatch):
    monkeypatch.delenv("ROCKETRIDE_URI", raising=False)
    assert resolve(None, KEY)[0].http_url == "https://api.rocketride.ai"
    monkeypatch.setenv("ROCKETRIDE_URI", "")
    assert resolve(None, KEY)[0].http_url == "https://api.rocketride.ai"


def test_a_dotenv_file_lying_about_is_not_read(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("ROCKETRIDE_URI=http://evil.example\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROCKETRIDE_URI", raising=False)
    assert "evil" not in resolve(None, KEY)[0].http_url


@pytest.mark.parametrize("auth", [None, 7, b"key"])
def test_a_key_is_a_string(auth):
    with pytest.raises(ConfigurationError, match="auth must be a string"):
        Settings(address=Address.parse("h"), auth=auth)


@pytest.mark.parametrize("auth", ["", "  "])
def test_a_missing_key_says_where_to_put_one(auth):
    with pytest.raises(ConfigurationError, match="ROCKETRIDE_APIKEY"):
        Settings(address=Address.parse("h"), auth=auth)


ADDRESSES = [
    "http://host:5565",
    "HTTPS://host",
    "wss://host/base",
    " http://host",
    "localhost",
    "localhost:5565",
]


@each(
    "uri, auth", itertools.product(["sk-123456", "sk:12:34", "like.a.host", "", "https://other"], ADDRESSES)
)
def test_address_and_key_in_the_wrong_order_are_told_and_not_shown(uri, auth):
    with pytest.raises(
        ConfigurationError, match=r"^the API key is an address .*uri first, then auth"
    ) as caught:
        RocketRideClient(uri, auth)
    assert not [given for given in (uri, auth) if given and given.strip() in str(caught.value)]


def test_an_address_in_the_variable_of_the_key_is_told(monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_URI", "sk-123456")
    monkeypatch.setenv("ROCKETRIDE_APIKEY", "http://host:5565")
    with pytest.raises(ConfigurationError, match=r"^the API key is an address"):
        RocketRideClient()


TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
SECRETS = [
    TOKEN,
    f" {TOKEN}",
    f"{TOKEN}:5565",
    f"https://{TOKEN}",
    f"http://host/{TOKEN}/base",
    f"host/base/{TOKEN}",
    "tk_short",
    TOKEN.replace("tk_", "pk_"),
    TOKEN.replace("tk_", "TK_"),
]


@each("uri", SECRETS)
def test_a_token_or_a_key_in_the_place_of_the_address_is_told_and_not_shown(uri):
    with pytest.raises(
        ConfigurationError, match=r"^uri: .*a task's token or the API key.*uri first, then auth"
    ) as caught:
        RocketRideClient(uri, KEY)
    assert not shows(str(caught.value), uri)
    with pytest.raises(
        ConfigurationError, match=r"^ROCKETRIDE_URI: .*a task's token or the API key"
    ) as caught:
        Address.parse(uri, "ROCKETRIDE_URI")
    assert not shows(str(caught.value), uri)


def shows(message, uri):
    return next(
        (part for part in uri.strip().lower().split("/") if part[5:] and part in message.lower()), None
    )


@each(
    "host",
    [
        "rocketride-7f6d9c8b5d-x2x4z",
        "3f4e5d6c7b8a",
        "i-0123456789abcdef0",
        "tk-server",
        "tk.example",
        "rocke-servi-1xk8vbq1n9zq2-1234567890.us-east-1.elb.amazonaws.com",
        "Rocke-Servi-1XK8VBQ1N9ZQ2-1234567890.us-east-1.elb.amazonaws.com",
        "0b5c8b6e-9f57-4f0e-8d1a-6f3c2b1a0d9e",
        "2001:db8::1",
    ],
)
def test_names_of_hosts_are_no_keys(host):
    uri = f"[{host}]" if "::" in host else host
    assert Address.parse(uri).host == host.lower()


def test_the_key_itself_is_no_address(monkeypatch):
    with pytest.raises(ConfigurationError, match=r"^uri: .*a task's token or the API key") as caught:
        RocketRideClient("the.key", "the.key")
    assert "the.key" not in str(caught.value)
    monkeypatch.setenv("ROCKETRIDE_URI", "the.key")
    monkeypatch.setenv("ROCKETRIDE_APIKEY", "the.key")
    with pytest.raises(ConfigurationError, match=r"^ROCKETRIDE_URI: .*a task's token or the API key"):
        RocketRideClient()


@each("auth", ["https", "http-123456", "localhost-key", "localhost.key", "a://b"])
def test_a_key_that_is_like_an_address_is_a_key(auth):
    assert resolve("host", auth)[1] == auth


@each("auth", ["secret\nbreak", "two\r\nlines", "trail\r", "two words", "schlüssel"])
def test_an_unusable_key_is_described_and_not_shown(auth):
    with pytest.raises(ConfigurationError, match="API key") as caught:
        Settings(address=Address.parse("h"), auth=auth)
    assert auth.split()[0] not in str(caught.value)


@each(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": True},
        {"connect_timeout": -1},
        {"retry": None},
        {"verify": None},
        {"verify": "/no/such/file"},
        {"cert": "/no/such/file"},
        {"cert": ("a", "b", "c")},
        {"proxies": "http://proxy"},
        {"proxies": {"http": 5}},
        {"proxies": {"http": b"http://proxy"}},
        {"proxies": {5: "http://proxy"}},
        {"max_response_bytes": 0},
        {"max_response_bytes": True},
        {"max_status_bytes": 0},
        {"max_status_bytes": 1.5},
    ],
)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Settings(address=Address.parse("h"), auth=KEY, **wrong)


def test_the_repr_holds_no_secret(tmp_path):
    settings = Settings(address=Address.parse("h"), auth=KEY, proxies={"http": "http://u:hunter2@proxy"})
    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)


@each(
    ("uri", "verify", "said"),
    [
        ("http://rr.example", True, ["unencrypted"]),
        ("ws://127.evil.example", True, ["unencrypted"]),
        ("https://rr.example", False, ["verify=False"]),
        ("https://rr.example", True, []),
        ("http://localhost", True, []),
        ("http://127.0.0.1:1", True, []),
        ("http://[::1]", True, []),
    ],
)
def test_risks_are_told(uri, verify, said):
    settings = Settings(address=Address.parse(uri), auth=KEY, verify=verify)
    risks = list(settings.risks())
    assert len(risks) == len(said)
    assert all(word in risk and KEY not in risk for word, risk in zip(said, risks))


def test_an_address_under_another_name_is_named_before_the_default_gets_the_key(monkeypatch):
    monkeypatch.delenv("ROCKETRIDE_URI", raising=False)
    monkeypatch.setenv("ROCKETRIDE_URL", "https://rr.example")
    said = "ROCKETRIDE_URI is not set, .* default, .*; ROCKETRIDE_URL is set: should it be ROCKETRIDE_URI"
    with pytest.warns(RocketRideWarning, match=said) as caught:
        RocketRideClient(auth=KEY)
    assert [Path(one.filename) for one in caught] == [Path(__file__)]
    assert "rr.example" not in str(caught[0].message)
    RocketRideClient("http://127.0.0.1", KEY)
    monkeypatch.setenv("ROCKETRIDE_URI", "http://127.0.0.1")
    RocketRideClient(auth=KEY)


@pytest.mark.parametrize("name", ["ROCKETRIDE_API_KEY", "ROCKETRIDE_KEY"])
def test_a_key_under_another_name_is_named(monkeypatch, name):
    monkeypatch.delenv("ROCKETRIDE_APIKEY", raising=False)
    monkeypatch.setenv(name, "a-secret-key")
    with pytest.raises(
        ConfigurationError, match=f"no API key: .*; {name} is set: should it be ROCKETRIDE_APIKEY"
    ) as caught:
        RocketRideClient("h")
    assert "a-secret-key" not in str(caught.value)
