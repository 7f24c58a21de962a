"""HTTP over TLS: authorities, client certificates, tunnels, deadlines, unusable files."""

import contextlib
import ssl
import time
import warnings
from pathlib import Path

import pytest

from rocketride_sync import errors

from ..loopback import HOST, Server, after_request, always, answer
from .calls import KEY, call, failing, through, using


def drip_headers(peer):
    peer.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000)


def drip_body(peer):
    peer.send(answer(length=False, Content_Length=1000))
    peer.drip(b" " * 1000)


def stall_in_body(peer):
    peer.send(answer(length=False, Content_Length=1000) + b'{"status"')
    peer.stall()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority: itself, and the path of its certificate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cryptography package complains about Python 3.8
        import trustme
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(path))
    return authority, str(path)


def tls_of(certificate, client_authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if client_authority is not None:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class TestTls:
    def server(self, authority, host=HOST, handler=None, **options):
        certificate = authority[0].issue_cert(host)
        return Server(handler or always(answer({"state": 1})), tls_of(certificate, **options))

    def test_with_a_given_authority(self, authority):
        with self.server(authority) as server, using(server.url, verify=authority[1]) as transport:
            assert [call(transport) for _ in range(3)] == [{"state": 1}] * 3
        assert server.connections == 1

    def test_with_an_authority_from_the_environment(self, authority, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority[1])
        with self.server(authority) as server, using(server.url) as transport:
            assert call(transport) == {"state": 1}

    def test_unverified_works_and_leaves_the_warning_to_the_client(self, authority):
        """urllib3 would warn at each request; warnings are errors here."""
        with self.server(authority) as server, using(server.url, verify=False) as transport:
            assert call(transport) == {"state": 1}

    def test_a_client_certificate(self, authority, tmp_path):
        client = authority[0].issue_cert("client@test")
        both = str(tmp_path / "both.pem")
        client.private_key_and_cert_chain_pem.write_to_path(both)
        with self.server(authority, client_authority=authority[0]) as server:
            with using(server.url, verify=authority[1], cert=both) as transport:
                assert call(transport) == {"state": 1}
            refused = pytest.raises((errors.CertificateError, errors.TransportError))
            with using(server.url, verify=authority[1]) as transport, refused:
                call(transport)

    def test_a_missing_client_certificate_is_called_that_also_after_the_handshake(self, authority):
        """With TLS 1.3, the server says so when the client has begun to send."""
        context = tls_of(authority[0].issue_cert(HOST), client_authority=authority[0])
        if not hasattr(ssl, "TLSVersion") or not ssl.HAS_TLSv1_3:
            pytest.skip("needs TLS 1.3")
        context.minimum_version = ssl.TLSVersion.TLSv1_3

        def refuse_and_stay(peer):
            with peer.sock.dup() as raw:
                with contextlib.suppress(ssl.SSLError):
                    context.wrap_socket(peer.sock, server_side=True)
                while raw.recv(4096):  # a reset would overtake the alert
                    pass

        with Server(refuse_and_stay) as server:
            url = server.url.replace("http://", "https://")
            with using(url, verify=authority[1]) as transport, pytest.raises(
                errors.CertificateError
            ) as caught:
                call(transport)
        assert "wants a client certificate, or refused ours" in str(caught.value)
        assert "See cert=" in str(caught.value)
        assert "the certificate of" not in str(caught.value)

    def test_through_a_tunnel(self, authority):
        context = tls_of(authority[0].issue_cert("server.test"))

        def tunnel(peer):
            peer.read_request()
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            peer.sock = context.wrap_socket(peer.sock, server_side=True)
            while peer.read_request() is not None:
                peer.send(answer({"state": 1}))
            peer.sock.close()

        with Server(tunnel) as proxy, through(proxy, verify=authority[1]) as transport:
            assert [call(transport), call(transport)] == [{"state": 1}] * 2
        assert proxy.connections == 1
        assert KEY not in proxy.requests[0]

    @pytest.mark.parametrize("slow", [drip_headers, drip_body, stall_in_body])
    def test_keeps_the_deadline(self, authority, slow):
        server = self.server(authority, handler=after_request(slow))
        with server, using(server.url, verify=authority[1]) as transport:
            began = time.monotonic()
            failing(transport, errors.TransportTimeoutError, seconds=0.5)
            assert time.monotonic() - began < 3.0

    def test_spoken_to_a_server_without_it_is_a_transport_error(self):
        def plain(peer):
            peer.sock.recv(1000)
            peer.send(answer(b"", "400 Bad Request"))

        with Server(plain) as server, using(f"https://{HOST}:{server.port}") as transport:
            failing(transport, errors.TransportError)

    @pytest.mark.parametrize("option", ["verify", "cert"])
    def test_files_without_certificates_are_a_configuration_error(self, authority, tmp_path, option):
        empty = tmp_path / "empty.pem"
        empty.write_text("nothing\n")
        options = {"verify": authority[1], option: str(empty)}
        with self.server(authority) as server, using(server.url, **options) as transport:
            failing(transport, errors.ConfigurationError)

    @pytest.mark.parametrize("option", ["verify", "cert"])
    def test_files_that_have_gone_since_are_a_configuration_error(self, authority, tmp_path, option):
        file = tmp_path / "short-lived.pem"
        file.write_bytes(Path(authority[1]).read_bytes())
        options = {"verify": authority[1], option: str(file)}
        with self.server(authority) as server, using(server.url, **options) as transport:
            file.unlink()
            failing(transport, errors.ConfigurationError)
