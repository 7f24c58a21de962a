"""The schemas of the documents a server sends, installed as `rocketride_sync.schema` for whoever needs them as data."""
