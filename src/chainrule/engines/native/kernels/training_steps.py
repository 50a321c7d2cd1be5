"""Training steps: the calls of every replica, group by group, as one of several threads.

The block of ``steps`` has the sizes of a ``StepTable``, then the addresses of its arrays and of those that a
step itself reads and writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I1, I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.vector import scalar_type
from chainrule.engines.native.kernels.parallel_run import spin_until

GATHER, PLACE = 0, 1  # kinds of words that change from microbatch to microbatch, as in ``replicas``
# The groups of lines, as ``StepTable.marks`` numbers them; the levels of a shared microbatch and of AFTER
# follow.
BEFORE, MICROBATCHES, SUM_REPLICAS, LOSS, LEVELS = range(5)
SPINS = 4000  # polls at a barrier before the thread yields the processor
WORDS = (
    "thread threads replicas microbatches rows batch first levels groups lines width patch_count key_count "
    "step_count marks tables words patches key keys step loss learning_rate results sync"
).split()
SPENT, TIMED_STEPS = len(WORDS), len(WORDS) + 1  # further words of the kernels that read the clock
FAILED = 16  # byte offset in ``sync`` of the number of the step that failed

Group = Callable[[Value | int, Value | int, Value], None]
"""Runs the lines of a group, for a full (0) or the last, shorter microbatch (1), of a replica."""


class StepWriter:
    """Writer of the instructions of training steps.

    Args:
        block: the address of the block, whose words are read here.
        loss, learning_rate: their dtypes.
    """

    def __init__(self, code: FunctionBuilder, block: Value, loss: str, learning_rate: str) -> None:
        self.code, self.builder = code, code.builder
        self.loss_type, self.rate_type = scalar_type(loss), scalar_type(learning_rate)
        self.words = {name: code.load(code.plus(block, 8 * i), I64) for i, name in enumerate(WORDS)}
        self.replicas, self.levels, self.groups = (
            self.words[name] for name in ("replicas", "levels", "groups")
        )

    # --- lines

    def mark(self, group: Value | int, i: int) -> Value:
        """Return the first line of a group (0), its end (1), or whether the replicas share it (2)."""
        start = I64(group) if isinstance(group, int) else group
        return self.code.load(self.code.plus(self.words["marks"], self.code.times(start, 24), 8 * i), I64)

    def line(self, short: Value | int, replica: Value, number: Value) -> Value:
        """Return the address of a line: its kernel and its block."""
        code, half = self.code, I64(short) if isinstance(short, int) else short
        row = code.plus(code.times(half, self.replicas), replica)
        return code.plus(
            self.words["tables"], code.times(code.plus(code.times(row, self.words["lines"]), number), 16)
        )

    def run_group(self, group: Value | int, short: Value | int, replica: Value) -> None:
        """Call a replica's kernels of one group of lines."""
        begin, end = (self.mark(group, i) for i in range(2))
        self.code.call_lines(self.line(short, replica, begin), self.line(short, replica, end))

    def set_words(self, short: Value, replica: Value, s: Value, row: Value, accumulates: Value) -> None:
        """Set the words that change from microbatch to microbatch.

        Args:
            row: the first row of the microbatch in step s.
            accumulates: 1 unless the microbatch is the first of its replica.
        """
        code, b = self.code, self.builder
        half = code.times(code.plus(code.times(short, self.replicas), replica), self.words["width"])
        words = code.plus(self.words["words"], code.times(half, 8))
        patches = code.plus(
            self.words["patches"], code.times(code.times(short, self.words["patch_count"]), 32)
        )
        batch_start = code.times(code.plus(self.words["first"], s), self.words["batch"])
        gathered = code.times(code.plus(batch_start, row), 8)
        end = code.plus(patches, code.times(self.words["patch_count"], 32))
        with code.for_range(patches, end, 32) as patch:
            where, kind, base, stride = (code.load(code.plus(patch, 8 * i), I64) for i in range(4))
            placed = b.select(
                b.icmp_signed("==", kind, I64(PLACE)),
                code.plus(base, code.times(row, stride)),
                b.or_(accumulates, base),
            )
            value = b.select(b.icmp_signed("==", kind, I64(GATHER)), code.plus(base, gathered), placed)
            code.store(value, code.plus(words, code.times(where, 8)), 8)

    def run_microbatches(self, s: Value, replica: Value, run: Group) -> None:
        """Run the microbatches of step s that belong to a replica, in order; the first starts its sums."""
        code, b, count = self.code, self.builder, self.words["microbatches"]
        begin = b.sdiv(code.times(count, replica), self.replicas)
        end = b.sdiv(code.times(count, code.plus(replica, 1)), self.replicas)
        last = code.plus(count, -1)
        with code.for_range(begin, end) as number:
            short = b.zext(b.icmp_signed("==", number, last), I64)
            accumulates = b.zext(b.icmp_signed("!=", number, begin), I64)
            self.set_words(short, replica, s, code.times(number, self.words["rows"]), accumulates)
            run(MICROBATCHES, short, replica)

    # --- a step

    def set_key(self, keys: Value, s: Value) -> None:
        """Set the key of step s, if the network samples."""
        code = self.code
        with code.if_then(self.builder.icmp_signed(">", self.words["key_count"], I64(0))):
            key = code.load(code.plus(keys, code.times(s, 8)), I64, 4)
            code.store(key, self.words["key"], 4)

    def count_step(self) -> None:
        """Add 1 to the number of the step."""
        step = self.words["step"]
        self.code.store(self.code.plus(self.code.load(step, I64), 1), step, 8)

    def loss(self) -> Value:
        return self.code.load(self.words["loss"], self.loss_type, 4)

    def learning_rate(self) -> Value:
        return self.code.load(self.words["learning_rate"], self.rate_type, 4)

    def write_result(self, result: Value, number: Value) -> None:
        """Write a number as float64."""
        double = ir.DoubleType()
        wide = number if number.type == double else self.builder.fpext(number, double)
        self.code.store(wide, result, 8)


class ThreadWriter(StepWriter):
    """Writer of the function that runs some training steps as one of several threads.

    Its arguments: the address of the block, number of this thread and of all threads, addresses of the keys
    and of the results of the first step, number of steps.

    Args:
        wait: the function of a barrier.
    """

    def __init__(self, code: FunctionBuilder, loss: str, learning_rate: str, wait: ir.Function) -> None:
        block, self.thread, self.threads, self.keys, self.results, self.count = code.function.args
        super().__init__(code, block, loss, learning_rate)
        self.wait, self.sync = wait, self.words["sync"]
        self.is_leader = self.builder.icmp_signed("==", self.thread, I64(0))

    def barrier(self) -> None:
        """Wait until all threads have arrived."""
        with self.code.if_then(self.builder.icmp_signed("!=", self.threads, I64(1))):
            self.builder.call(self.wait, [self.sync, self.threads])

    def has_failed(self) -> Value:
        """Return whether a step failed."""
        failed = self.code.load(self.code.plus(self.sync, FAILED), I64)
        return self.builder.icmp_signed("!=", failed, I64(0))

    def run_replicas(self, group: Value | int) -> None:
        """Call the kernels of one group for the replicas of this thread."""
        with self.code.for_range(self.thread, self.replicas, self.threads) as replica:
            self.run_group(group, 0, replica)

    def run_levels(self, start: Value, end: Value, is_shared: Value) -> None:
        """Run groups in order; after each all threads wait, if they share it."""
        with self.code.for_range(start, end) as level:
            self.run_replicas(level)
            with self.code.if_then(is_shared):
                self.barrier()

    def run_own_microbatches(self, s: Value) -> None:
        """Run the microbatches of the replicas of this thread in step s."""
        with self.code.for_range(self.thread, self.replicas, self.threads) as replica:
            self.run_microbatches(s, replica, self.run_group)

    def run_shared_microbatch(self, s: Value) -> None:
        """Run the only microbatch of step s, which all replicas share, level by level."""
        with self.code.for_range(self.thread, self.replicas, self.threads) as replica:
            self.set_words(I64(0), replica, s, I64(0), I64(0))
        self.run_levels(I64(LEVELS), self.code.plus(I64(LEVELS), self.levels), I1(1))

    def finish_step(self, s: Value, result: Value) -> None:
        """Write the loss; a step whose loss is not finite fails."""
        b, loss = self.builder, self.loss()
        self.write_result(result, loss)
        difference = b.fsub(loss, loss)  # NaN also for infinity
        with self.code.if_then(b.fcmp_unordered("uno", difference, difference)):
            self.code.store(self.code.plus(s, 1), self.code.plus(self.sync, FAILED), 8)

    def write(self) -> None:
        """Write the body of the function."""
        code, b, leads = self.code, self.builder, self.is_leader
        after = code.plus(I64(LEVELS), self.levels)
        # Whether all threads take part in the sums over the replicas, and in the update.
        sums, shared = self._is_shared(I64(SUM_REPLICAS), I64(LOSS)), self._is_shared(after, self.groups)
        with code.for_range(I64(0), self.count, 1, [(self.results, I64(16))]) as (s, result):
            with code.if_then(b.and_(leads, b.not_(self.has_failed()))):
                self.set_key(self.keys, s)
                self.run_group(BEFORE, 0, I64(0))
            self.barrier()
            code.return_if(self.has_failed())
            with b.if_else(b.icmp_signed(">", self.levels, I64(0))) as (is_one, are_several):
                with is_one:
                    self.run_shared_microbatch(s)
                with are_several:
                    self.run_own_microbatches(s)
                    self.barrier()
            with code.if_then(sums):
                self.run_replicas(SUM_REPLICAS)
                self.barrier()
            with code.if_then(leads):
                with code.if_then(b.not_(sums)):
                    self.run_group(SUM_REPLICAS, 0, I64(0))
                self.run_group(LOSS, 0, I64(0))
                self.finish_step(s, result)
            with code.if_then(shared):
                self.barrier()
            # If nothing of the update is shared, thread 0 continues alone; the others wait for the next step.
            with code.if_then(b.and_(b.not_(self.has_failed()), b.or_(leads, shared))):
                self.run_levels(after, self.groups, shared)
            with code.if_then(b.and_(leads, b.not_(self.has_failed()))):
                self.write_result(code.plus(result, 8), self.learning_rate())
                self.count_step()

    def _is_shared(self, start: Value, end: Value) -> Value:
        """Return whether the replicas share one of these groups."""
        shared: list[Value] = [I64(0)]
        with self.code.fold_range(start, end, 1, shared) as group:
            shared[0] = self.builder.or_(shared[0], self.mark(group, 2))
        return self.builder.icmp_signed("!=", shared[0], I64(0))


def _barrier(module: ir.Module) -> ir.Function:
    """Write the function that waits until all threads have arrived.

    Its arguments: the address of [number of arrived threads, number of completed barriers], and the number of
    threads.
    """
    code = FunctionBuilder(module, "barrier", 2, is_inner=True)
    b, (arrived, threads) = code.builder, code.function.args
    generation = code.plus(arrived, 8)
    before, earlier = code.atomic_load(generation), code.fetch_add(arrived, 1)
    with code.if_then(b.icmp_signed("==", earlier, code.plus(threads, -1))):
        code.atomic_store(0, arrived)
        code.fetch_add(generation, 1)
    spin_until(code, generation, "!=", before, SPINS)
    b.ret_void()
    return code.function


def _work(module: ir.Module, loss: str, learning_rate: str) -> ir.Function:
    """Write the function that runs some training steps as one thread of several; see ``ThreadWriter``."""
    code = FunctionBuilder(module, "work", 6, is_inner=True)
    ThreadWriter(code, loss, learning_rate, _barrier(module)).write()
    code.builder.ret_void()
    return code.function


def steps(code: FunctionBuilder, loss: str, learning_rate: str) -> None:
    """Run some training steps as one thread of several.

    Block: ``WORDS``; keys (steps, 2), or none for networks that sample nothing; results (steps, 2) receive
    the loss and learning rate of each step; sync: [arrived, generation, number of the step that failed].
    """
    names = ("thread", "threads", "keys", "results", "step_count")
    words = [code.word(WORDS.index(name)) for name in names]
    code.builder.call(_work(code.module, loss, learning_rate), [code.function.args[0], *words])


def no_operation(code: FunctionBuilder) -> None:
    """Do nothing: the call of a replica that has no slice of a task."""


# Training steps on one thread with a clock read after every call, or around every step.
#
# The block is that of ``steps``, then: [the address of memory for nanoseconds, steps].

CLOCK = getattr(time, "CLOCK_MONOTONIC", 1)


class TimedWriter(StepWriter):
    """Writer of training steps that read the clock."""

    def __init__(self, code: FunctionBuilder, loss: str, learning_rate: str) -> None:
        super().__init__(code, code.function.args[0], loss, learning_rate)
        self.spent, self.count = code.word(SPENT), code.word(TIMED_STEPS)
        with self.builder.goto_entry_block():
            self.now = self.builder.alloca(ir.LiteralStructType([I64, I64]))
        self.before = code.variable(I64(0))
        self.line_times = self.spent  # address of the times of the lines of the current step

    def nanoseconds(self) -> Value:
        """Return the monotonic time in nanoseconds (``clock_gettime`` of the C library)."""
        b = self.builder
        self.code.intrinsic("clock_gettime", ir.IntType(32), ir.IntType(32)(CLOCK), self.now)
        seconds, rest = (b.extract_value(b.load(self.now), i) for i in range(2))
        return b.add(b.mul(seconds, I64(10**9)), rest)

    def time_group(self, group: Value | int, short: Value | int, replica: Value) -> None:
        """Call a replica's kernels of one group of lines, and add the time of each to that of its line."""
        code, b = self.code, self.builder
        begin, end = (self.mark(group, i) for i in range(2))
        b.store(self.nanoseconds(), self.before)
        with code.for_range(begin, end) as i:
            line = self.line(short, replica, i)
            code.call_kernel(code.load(line, I64), code.load(code.plus(line, 8), I64))
            now, total = self.nanoseconds(), code.plus(self.line_times, code.times(i, 8))
            code.store(b.add(code.load(total, I64), b.sub(now, b.load(self.before))), total, 8)
            b.store(now, self.before)


def timed_calls(code: FunctionBuilder, loss: str, learning_rate: str) -> None:
    """Run some training steps and record the nanoseconds of each line: (steps, lines)."""
    writer, b = TimedWriter(code, loss, learning_rate), code.builder
    line_bytes = code.times(writer.words["lines"], 8)
    with code.for_range(I64(0), writer.count, 1, [(writer.spent, line_bytes)]) as (s, writer.line_times):
        writer.set_key(writer.words["keys"], s)
        writer.time_group(BEFORE, 0, I64(0))
        shares = b.icmp_signed(">", writer.levels, I64(0))
        with code.for_range(I64(0), writer.replicas) as replica, b.if_else(shares) as (is_one, are_several):
            with is_one:
                writer.set_words(I64(0), replica, s, I64(0), I64(0))
            with are_several:
                writer.run_microbatches(s, replica, writer.time_group)
        with code.for_range(I64(SUM_REPLICAS), writer.groups) as group:
            is_loss = b.icmp_signed("==", group, I64(LOSS))
            with code.for_range(I64(0), b.select(is_loss, I64(1), writer.replicas)) as replica:
                writer.time_group(group, 0, replica)
        writer.count_step()


def timed_whole_steps(code: FunctionBuilder, loss: str, learning_rate: str) -> None:
    """Run some training steps and record the nanoseconds of each: (steps,)."""
    writer, b = TimedWriter(code, loss, learning_rate), code.builder
    work, block, words = _work(code.module, loss, learning_rate), code.function.args[0], writer.words
    first = code.plus(block, 8 * WORDS.index("first"))
    with code.for_range(I64(0), writer.count) as s:
        code.store(s, first, 8)  # each is the first step of a run that begins with batch s
        before = writer.nanoseconds()
        keys = code.plus(words["keys"], code.times(s, 8))
        b.call(work, [block, I64(0), I64(1), keys, words["results"], I64(1)])
        spent = b.sub(writer.nanoseconds(), before)
        code.store(spent, code.plus(writer.spent, code.times(s, 8)), 8)
        code.store(I64(0), code.plus(words["sync"], FAILED), 8)
    code.store(I64(0), first, 8)
