"""Decoding of untrusted files in another process: an abort of a native library is an error of one file.

decoding.py    decode a file: start or reuse a decoder process, bound its memory and time, explain its end
process.py     one decoder process and the messages to it
protocol.py    messages and errors as JSON over a socket
columns.py     columns as plain buffers in shared memory, written, checked and read
refusals.py    errors as plain values, and what is refused
worker.py      the decoder process: limits, restrictions, the loop over requests
operations.py  what it does with a file: Parquet, Arrow, SQLite, DuckDB
"""
