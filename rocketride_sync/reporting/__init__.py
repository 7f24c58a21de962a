"""The page that `RunRecorder` writes: series.py reckons, charts.py draws, page.py puts it together."""
