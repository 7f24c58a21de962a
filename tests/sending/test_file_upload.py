"""One file on its way: beginning it once more does not give it more time."""

import pytest

from rocketride_sync import TransportTimeoutError
from rocketride_sync.sending.file_upload import Entry, Upload


def test_a_file_that_begins_once_more_has_no_more_time_than_before(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("word")
    upload = Upload(0, Entry(str(path), {}, "text/plain"), lambda upload, event: None)
    upload.begin(50, lambda entry, data: None)
    deadline = upload.deadline
    upload.begin(50, lambda entry, data: None)
    assert upload.deadline is deadline
    deadline.cancel()
    with pytest.raises(TransportTimeoutError):
        upload.begin(50, lambda entry, data: None)
