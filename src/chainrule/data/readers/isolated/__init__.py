"""Decoding of untrusted files in another process: an abort of a native library is an error of one file.

decoding.py    decode a file: start or reuse a decoder process, bound its memory and time, explain its end
protocol.py    requests, messages and errors as JSON over a socket, and what is refused
columns.py     columns as plain buffers in shared memory, written, checked and read
row_block.py   rows of numbers in shared memory that is used again
worker.py      the decoder process: limits, restrictions, the loop over requests
operations.py  what it does with a file: Parquet, Arrow, SQLite, DuckDB
"""
