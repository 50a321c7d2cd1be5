"""Code generation: kernels as LLVM instructions."""
