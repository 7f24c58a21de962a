"""Sending to tasks: an object in pieces (`pipe`), and many files with a result for each (`file_batch`)."""
