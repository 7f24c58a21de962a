"""What every test shares."""

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    """A developer's own server, key, proxy or netrc must not take part in the tests."""
    for name in (
        "ROCKETRIDE_URI",
        "ROCKETRIDE_APIKEY",
        "ROCKETRIDE_TOKEN",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "NETRC",
        "NO_COLOR",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
