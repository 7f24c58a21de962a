"""The version, in one place: setup.cfg, the User-Agent and `--version` read it here."""

__version__ = "0.1.0"
