"""Files of TLS that cannot be used: a `ConfigurationError` at once, over both transports, and no question at a terminal."""

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme
from cases import each

from rocketride_sync import CertificateError, ConfigurationError, RocketRideWarning, TransportError
from rocketride_sync.transports import tls_files
from rocketride_sync.transports.tls_files import tls_context

from .loopback import HOST, Server
from .network_peers import ask, both, tls

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "http", "auto"])

CALL = """
import sys
from rocketride_sync import RocketRideClient
uri, transport, *cert = sys.argv[1:]
try:
    RocketRideClient(uri, "key", transport=transport, cert=tuple(cert), timeout=5).get_task_status("tk_1")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def chain(authority, tmp_path):
    """A certificate without its key."""
    path = tmp_path / "chain.pem"
    path.write_bytes(
        b"".join(blob.bytes() for blob in authority.issue_cert("me@example.org").cert_chain_pems)
    )
    return str(path)


@pytest.fixture(params=["PKCS8", "TraditionalOpenSSL"])
def encrypted(request, authority, tmp_path):
    """The paths of a certificate and its encrypted key."""
    from cryptography.hazmat.primitives import serialization

    mine = authority.issue_cert("me@example.org")
    key = serialization.load_pem_private_key(mine.private_key_pem.bytes(), None)
    form = getattr(serialization.PrivateFormat, request.param)
    secret = serialization.BestAvailableEncryption(b"hunter2")
    text = key.private_bytes(serialization.Encoding.PEM, form, secret)
    files = tmp_path / "mine.pem", tmp_path / "key.pem"
    files[0].write_bytes(b"".join(blob.bytes() for blob in mine.cert_chain_pems))
    files[1].write_bytes(text)
    both_in_one = tmp_path / "both.pem"
    both_in_one.write_bytes(files[0].read_bytes() + text)
    return tuple(map(str, files)), str(both_in_one)


@TRANSPORTS
def test_an_encrypted_key(authority, ca_file, encrypted, transport):
    with Server(both, tls=tls(authority)) as server:
        for cert in encrypted:
            with pytest.raises(ConfigurationError, match=r"cert: .* encrypted"):
                ask(server, transport, verify=ca_file, cert=cert)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
@TRANSPORTS
def test_the_terminal_is_not_asked_for_a_pass_phrase(encrypted, transport):
    terminal, side = os.openpty()
    try:
        command = [sys.executable, "-c", CALL, f"https://{HOST}:9", transport, *encrypted[0]]
        run = subprocess.run(
            command, stdin=side, capture_output=True, text=True, timeout=60, start_new_session=True
        )
    finally:
        os.close(terminal)
        os.close(side)
    assert run.stdout.startswith("ConfigurationError cert: "), run
    assert "pass phrase:" not in run.stderr


@TRANSPORTS
@pytest.mark.parametrize("verify", [True, False])
def test_a_key_log_that_cannot_be_written(
    authority, ca_file, transport, verify, monkeypatch, tmp_path, recwarn
):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys.log"))
    with Server(both, tls=tls(authority)) as server:
        with pytest.raises(ConfigurationError, match="SSLKEYLOGFILE"):
            ask(server, transport, verify=ca_file if verify else False)
    assert all(issubclass(each.category, RocketRideWarning) for each in recwarn)


@TRANSPORTS
@pytest.mark.parametrize("verify", [True, False])
def test_a_key_log_is_written(authority, ca_file, transport, verify, monkeypatch, tmp_path, recwarn):
    log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    with Server(both, tls=tls(authority)) as server:
        assert ask(server, transport, verify=ca_file if verify else False) == 3
    assert "CLIENT" in log.read_text()


@TRANSPORTS
@pytest.mark.parametrize("wanted", ["verify", "cert", "SSLKEYLOGFILE"])
def test_files_that_cannot_be_opened_now_are_a_fault_that_may_pass(
    ca_file, chain, transport, wanted, monkeypatch, tmp_path
):
    """No descriptor is left: nothing is wrong with the file, and a wait goes on."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    usable = tls_files._usable

    def step(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(
        tls_files, "_usable", lambda name, it, *args: usable(name, step if name == wanted else it, *args)
    )
    with pytest.raises(TransportError, match=f"{wanted}: .* could not be read: Too many open files"):
        ask(None, transport, "https://localhost:9", verify=ca_file, cert=chain)


@TRANSPORTS
@pytest.mark.parametrize("option", ["verify", "cert"])
@each("content", [b"", b"nothing\n", b"-----BEGIN CERTIFICATE-----\n", b"\x00\xff" * 500])
def test_rubbish(authority, ca_file, transport, option, content, tmp_path):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_bytes(content)
    options = {"verify": ca_file, option: str(rubbish)}
    with Server(both, tls=tls(authority)) as server, pytest.raises(ConfigurationError, match=f"{option}: "):
        ask(server, transport, **options)


@TRANSPORTS
def test_a_key_that_is_missing_or_of_another_certificate(authority, ca_file, chain, transport, tmp_path):
    other = tmp_path / "other.pem"
    authority.issue_cert("other@example.org").private_key_pem.write_to_path(str(other))
    with Server(both, tls=tls(authority)) as server:
        for cert in (chain, (chain,), (chain, str(other)), (chain, chain), (str(other), str(other))):
            with pytest.raises(ConfigurationError, match="cert: "):
                ask(server, transport, verify=ca_file, cert=cert)


@TRANSPORTS
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_authorities_of_the_environment(authority, transport, variable, monkeypatch, tmp_path):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("nothing\n")
    with Server(both, tls=tls(authority)) as server:
        for path in (rubbish, tmp_path / "missing.pem"):
            monkeypatch.setenv(variable, str(path))
            with pytest.raises(ConfigurationError, match=variable):
                ask(server, transport)


@pytest.fixture
def folder(authority, tmp_path):
    """A directory of authorities, in the form that OpenSSL reads."""
    path = tmp_path / "authorities"
    path.mkdir()
    pem = authority.cert_pem.bytes()
    (path / f"{subject_hash(pem)}.0").write_bytes(pem)
    return path


def subject_hash(pem):
    """As `openssl x509 -subject_hash`."""
    command = ["openssl", "x509", "-noout", "-subject_hash"]
    return subprocess.run(command, input=pem, stdout=subprocess.PIPE, check=True).stdout.decode().strip()


@TRANSPORTS
class TestDirectories:
    def test_one_of_the_environment(self, authority, transport, folder, monkeypatch, tmp_path):
        with Server(both, tls=tls(authority)) as server:
            for directories in (str(folder), os.pathsep.join([str(tmp_path / "missing"), str(folder)])):
                monkeypatch.setenv("SSL_CERT_DIR", directories)
                assert ask(server, transport) == 3

    def test_beside_a_file(self, authority, transport, ca_file, folder, monkeypatch, tmp_path):
        """Both count, whichever has the authority; an argument or the variables of requests outweigh them."""
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        empty = tmp_path / "empty"
        empty.mkdir()
        with Server(both, tls=tls(authority)) as server:
            for file, directory in ((other, folder), (ca_file, empty)):
                monkeypatch.setenv("SSL_CERT_FILE", str(file))
                monkeypatch.setenv("SSL_CERT_DIR", str(directory))
                assert ask(server, transport) == 3
            monkeypatch.setenv("CURL_CA_BUNDLE", str(other))
            with pytest.raises(CertificateError):
                ask(server, transport)

    def test_that_is_missing(self, authority, transport, monkeypatch, tmp_path):
        monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
        with Server(both, tls=tls(authority)) as server:
            with pytest.raises(ConfigurationError, match=r"SSL_CERT_DIR: there is no .*/a:.*/b"):
                ask(server, transport)

    def test_in_place_of_certifis(self, authority, transport, monkeypatch, tmp_path):
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        assert tls_context(True, None).get_ca_certs() == []


@TRANSPORTS
@pytest.mark.parametrize(
    "setting", ["verify", "cert", "key", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]
)
def test_a_file_that_is_missing_is_said_to_be_with_what_names_it(
    authority, ca_file, chain, transport, setting, monkeypatch, tmp_path
):
    missing = str(tmp_path / "missing" / "ca.pem")
    options = {"verify": ca_file}
    if setting == "key":
        options["cert"] = (chain, missing)
    elif setting.islower():
        options[setting] = missing
    else:
        monkeypatch.setenv(setting, missing)
        options = {}
    with Server(both, tls=tls(authority)) as server:
        with pytest.raises(ConfigurationError) as caught:
            ask(server, transport, **options)
        assert server.connections == 0
    kind = "file" if setting in ("cert", "key") else "file or directory"
    assert str(caught.value) == f"{setting.replace('key', 'cert')}: there is no {kind} {missing!r}"


@pytest.fixture
def fifo(tmp_path):
    """A pipe that has a name, whose other side nobody has opened."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs FIFOs")
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    return path


def let_go(fifo):
    """Let go of who waits for the other side of `fifo`."""
    os.close(os.open(fifo, os.O_RDWR))


class TestWhatIsNoFile:
    """OpenSSL would wait for the other side of a pipe, and no timeout would end that."""

    @pytest.fixture
    def error(self, ca_file, chain, monkeypatch):
        """What `tls_context` says when `setting` names `path`."""

        def error(setting, path):
            verify, cert = ca_file, None
            if setting == "verify":
                verify = path
            elif setting in ("cert", "key"):
                cert = path if setting == "cert" else (chain, path)
            else:
                monkeypatch.setenv(setting, path)
                verify = setting != "SSLKEYLOGFILE"
            with ThreadPoolExecutor() as executor:
                made = executor.submit(tls_context, verify, cert)
                try:
                    return str(made.exception(20))
                finally:
                    while not made.done():
                        let_go(path)

        return error

    @pytest.mark.parametrize(
        "setting",
        [
            *("verify", "cert", "key", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
            *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"),
        ],
    )
    def test_a_pipe_that_has_a_name(self, error, fifo, setting):
        said = f"{setting.replace('key', 'cert')}: {fifo!r} is a named pipe, which might never be opened by others"
        assert error(setting, fifo).startswith(said)

    @pytest.mark.skipif(os.name != "posix", reason="needs devices")
    @pytest.mark.parametrize("setting", ["verify", "cert", "SSL_CERT_FILE"])
    def test_a_device(self, error, setting):
        """Such as /dev/zero, which has no end."""
        assert error(setting, os.devnull) == f"{setting}: {os.devnull!r} is a device; a file is needed"

    @TRANSPORTS
    def test_both_transports(self, authority, fifo, transport):
        with Server(both, tls=tls(authority)) as server:
            with pytest.raises(ConfigurationError, match=r"verify: .* is a named pipe"):
                ask(server, transport, verify=fifo)
            assert server.connections == 0

    @pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="needs numbers of files that have names")
    def test_one_that_a_shell_made(self, ca_file):
        """As for ``--ca-file <(command)``: the other side is known to be open."""
        reading, writing = os.pipe()
        with os.fdopen(reading), os.fdopen(writing, "wb") as other, open(ca_file, "rb") as file:
            other.write(file.read())
            other.close()
            assert len(tls_context(f"/dev/fd/{reading}", None).get_ca_certs()) == 1

    def test_keys_that_nobody_wants(self, monkeypatch, ca_file):
        monkeypatch.setenv("SSLKEYLOGFILE", os.devnull)
        assert tls_context(ca_file, None).keylog_filename == os.devnull


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read every file")
@TRANSPORTS
def test_a_file_that_may_not_be_read(authority, ca_file, transport):
    os.chmod(ca_file, 0)
    with Server(both, tls=tls(authority)) as server, pytest.raises(ConfigurationError, match="verify: "):
        ask(server, transport, verify=ca_file)


def test_no_file_is_read_for_a_server_without_tls(encrypted):
    with Server(both) as server:
        assert ask(server, "http", cert=encrypted[0]) == 3
        assert ask(server, "websocket", cert=encrypted[0]) == 3
