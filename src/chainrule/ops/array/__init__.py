"""Operations on the axes of arrays: shapes, slices, gathers, reductions."""
