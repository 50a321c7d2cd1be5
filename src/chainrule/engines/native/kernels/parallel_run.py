"""Inference that several threads compute together: how slices of calls are claimed and workers are notified.

Independent rows are computed in chunks, each by the thread that claims it, in that thread's memory. Otherwise
each level of calls is divided into slices. Every thread claims slices that are not claimed yet, its own
first. A worker that arrives late, because the system runs something else on its processor, finds nothing left
to do, and no thread has waited for it. Which thread computes a slice does not change any bit.

A worker has a *slot* in memory: its state, and the kernel and block that it is to run.
"""

from __future__ import annotations

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value

ASLEEP, AWAKE, POSTED, RUNNING = range(4)  # states of a slot; ``POSTED``: work is set but not started
KERNEL, BLOCK, SLOT = 8, 16, 64  # byte offsets in a slot, and the size of a slot
SPINS = 20000  # polls before the thread yields the processor


def spin_until(
    code: FunctionBuilder, address: Value, relation: str, number: Value, patience: int = SPINS
) -> None:
    """Poll an int64 until it is in a relation to a number; yield the processor after some polls."""
    spins = code.variable(I64(0))
    with code.loop() as leave_if:
        leave_if(code.builder.icmp_signed(relation, code.atomic_load(address), number))
        polls = code.builder.load(spins)
        with code.if_then(code.builder.icmp_signed(">", polls, I64(patience))):
            code.yield_processor()
        code.builder.store(code.plus(polls, 1), spins)


def levels(code: FunctionBuilder) -> None:
    """Run the calls of an inference, level by level, as one of several threads.

    Block: [first slice to claim, slices, levels, lines, then the addresses of marks (levels, 2), tables
    (slices, lines, 2), claims (levels, 1 + slices)]. The claims of a level hold how many slices are done and
    how often each was claimed.
    """
    b = code.builder
    first, slices, count, lines, marks, tables, claims = (code.word(i) for i in range(7))
    level_bytes = code.times(code.plus(slices, 1), 8)
    with code.for_range(I64(0), count, 1, [(marks, I64(16)), (claims, level_bytes)]) as (_, mark, done):
        begin, end = code.load(mark, I64), code.load(code.plus(mark, 8), I64)
        with code.for_range(I64(0), slices) as k:
            index = b.srem(code.plus(first, k), slices)
            claim = code.plus(done, 8, code.times(index, 8))
            with code.if_then(b.icmp_signed("==", code.fetch_add(claim, 1), I64(0))):
                table = code.plus(tables, code.times(code.times(index, lines), 16))
                code.call_lines(*(code.plus(table, code.times(i, 16)) for i in (begin, end)))
                code.fetch_add(done, 1)
        spin_until(code, done, ">=", slices)


def chunks(code: FunctionBuilder) -> None:
    """Compute chunks of rows as one of several threads, each of which claims the next chunk.

    Block: [address of how many were claimed, chunks, chunks of full size, own part, part of the last chunk].
    A part: [first line, end, first patch, end, first copy, end], as addresses. Before a chunk, every patch
    [address of a word, value, stride] sets a word to value + stride * number of the chunk; after it, every
    copy [target, stride, source, bytes] copies results to target + stride * number of the chunk.
    """
    b = code.builder
    claimed, count, full, own, last = (code.word(i) for i in range(5))
    with code.loop() as leave_if:
        number = code.fetch_add(claimed, 1)
        leave_if(b.icmp_signed(">=", number, count))
        part = b.select(b.icmp_signed("<", number, full), own, last)
        lines, patches, copies = (
            [code.load(code.plus(part, 8 * i), I64) for i in (j, j + 1)] for j in (0, 2, 4)
        )
        with code.for_range(patches[0], patches[1], 24) as patch:
            word, value, stride = (code.load(code.plus(patch, 8 * i), I64) for i in range(3))
            code.store(code.plus(value, code.times(number, stride)), word, 8)
        code.call_lines(lines[0], lines[1])
        with code.for_range(copies[0], copies[1], 32) as copy:
            target, stride, source, size = (code.load(code.plus(copy, 8 * i), I64) for i in range(4))
            code.copy(code.plus(target, code.times(number, stride)), source, size)


def lead(code: FunctionBuilder) -> None:
    """Run the calls as the leading thread: post the work, take part, return when no worker is running.

    Block: [slots, workers, the kernel ``levels`` or ``chunks``, its blocks, bytes between two blocks, claims,
    number of claims]. The first of the blocks is the leader's own.
    """
    slots, workers, kernel, blocks, step, claims, count = (code.word(i) for i in range(7))
    with code.for_range(claims, code.plus(claims, code.times(count, 8)), 8) as claim:
        code.store(I64(0), claim, 8)
    carried = [(slots, I64(SLOT)), (code.plus(blocks, step), step)]
    with code.for_range(I64(0), workers, 1, carried) as (_, slot, block):
        code.atomic_store(kernel, code.plus(slot, KERNEL))
        code.atomic_store(block, code.plus(slot, BLOCK))
        with code.loop() as leave_if:
            leave_if(code.compare_exchange(slot, AWAKE, POSTED))
            leave_if(code.compare_exchange(slot, ASLEEP, POSTED))
    code.call_kernel(kernel, blocks)
    with code.for_range(I64(0), workers, 1, [(slots, I64(SLOT))]) as (_, slot):
        code.compare_exchange(slot, POSTED, ASLEEP)  # it did not start: there is nothing left to do
        spin_until(code, slot, "!=", I64(RUNNING))


def work(code: FunctionBuilder) -> None:
    """Serve as a worker: wait, run what is posted, and return to sleep after a while without work.

    Block: [slot, polls before the worker sleeps].
    """
    b, slot, polls = code.builder, code.word(0), code.word(1)
    spins = code.variable(I64(0))
    with code.loop():
        state = code.atomic_load(slot)
        is_posted = b.icmp_signed("==", state, I64(POSTED))
        with code.if_then(is_posted), code.if_then(code.compare_exchange(slot, POSTED, RUNNING)):
            addresses = (code.plus(slot, offset) for offset in (KERNEL, BLOCK))
            code.call_kernel(*(code.atomic_load(address) for address in addresses))
            code.atomic_store(AWAKE, slot)
            b.store(I64(-1), spins)
        with code.if_then(b.icmp_signed("==", state, I64(ASLEEP))):
            code.compare_exchange(slot, ASLEEP, AWAKE)
        spun = b.load(spins)
        b.store(code.plus(spun, 1), spins)
        with code.if_then(b.icmp_signed(">", spun, polls)):
            code.return_if(code.compare_exchange(slot, AWAKE, ASLEEP))
