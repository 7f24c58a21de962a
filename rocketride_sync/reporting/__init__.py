"""Progress bars (`tqdm_progress`) and the HTML report of a run (`recorder`).

`observations` keeps what the polls returned, `series` computes the lines of the charts, `charts` says which there are,
`drawing` draws them, with `readings` shown on hover. `ending` says how it ended and what ended it, `facts` how it went,
`tables` lists messages and the files that were sent (`sent_files`), and `page` puts the report together. `snapshot`
says how far some work has come, and `formatting` how numbers and times are written.
"""
