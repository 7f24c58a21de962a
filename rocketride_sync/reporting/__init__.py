"""Progress bars (`tqdm_progress`) and the HTML report of a run (`recorder`).

`observations` keeps what the polls returned, `series` computes the lines of the charts, `charts` says which there are, `drawing` draws
them, with `readings` shown on hover. `facts` says how the run went, and `page` puts the report together. `snapshot` says how far some work has come, and `formatting` how numbers and times are written.
"""
