"""Waiting for one task or many: when to poll again, when the wait has ended, when to give up. Does no I/O itself."""
