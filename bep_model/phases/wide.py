"""Four words of a packed vector at once, for a loop that numba does not vectorise itself.

What :func:`four` reads are four words in one register of a vector unit. ``^``, ``&`` and the
functions here take them as well as a single word, a uint64. Without compilation they are an array.
"""

import operator

import numpy as np

from bep_model.phases.bits import COMPILED


def four(array, k):
    """Words k..k + 3 of a packed vector, which is contiguous."""
    return array[k:k + 4].copy()


def read(array, k, like):
    """Word k of a packed vector, or four words from there on if ``like`` is four."""
    return four(array, k) if np.ndim(like) else array[k]


def write(array, k, value):
    """Replace what :func:`read` reads."""
    array[k:k + np.size(value)] = value


def some(value):
    """Whether any bit is 1."""
    return bool(np.any(value))


if COMPILED:
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic, lower_cast, models, overload, register_model
    from numba.np.arrayobj import make_array

    _VECTOR = ir.VectorType(ir.IntType(64), 4)

    class _Four(types.Type):
        pass

    _FOUR = _Four("four words")

    @register_model(_Four)
    class _Model(models.PrimitiveModel):
        def __init__(self, manager, kind):
            super().__init__(manager, kind, _VECTOR)

    def _place(context, builder, kind, array, k):
        word = builder.gep(make_array(kind)(context, builder, array).data, [k])
        return builder.bitcast(word, _VECTOR.as_pointer())

    @intrinsic
    def _load(_, array, k):
        return _FOUR(array, k), lambda context, builder, signature, values: builder.load(
            _place(context, builder, signature.args[0], *values), align=8)

    @intrinsic
    def _store(_, array, k, value):
        def store(context, builder, signature, values):
            place = _place(context, builder, signature.args[0], *values[:2])
            builder.store(values[2], place, align=8)
            return context.get_dummy_value()
        return types.none(array, k, value), store

    @intrinsic
    def _some(_, value):
        def differs(context, builder, signature, values):
            bits = builder.bitcast(values[0], ir.IntType(256))
            return builder.icmp_unsigned("!=", bits, bits.type(0))
        return types.boolean(value), differs

    @lower_cast(types.uint64, _FOUR)
    def _spread(context, builder, of, to, word):
        """One word four times."""
        first = builder.insert_element(_VECTOR(ir.Undefined), word, ir.IntType(32)(0))
        return builder.shuffle_vector(first, first, ir.VectorType(ir.IntType(32), 4)([0] * 4))

    def _operator(function, name):
        """Of four words, and four others or one that meets each of them."""
        @intrinsic
        def operation(_, a, b):
            return a(a, b), lambda context, builder, signature, values: getattr(builder, name)(
                values[0], context.cast(builder, values[1], signature.args[1], a))

        @overload(function)
        def _(a, b):
            if a == _FOUR:
                return lambda a, b: operation(a, b)

    _operator(operator.xor, "xor")
    _operator(operator.and_, "and_")

    @overload(four)
    def _overload_four(array, k):
        return lambda array, k: _load(array, k)

    @overload(read)
    def _overload_read(array, k, like):
        if like == _FOUR:
            return lambda array, k, like: _load(array, k)
        return lambda array, k, like: array[k]

    @overload(write)
    def _overload_write(array, k, value):
        if value == _FOUR:
            return lambda array, k, value: _store(array, k, value)

        def write(array, k, value):
            array[k] = value
        return write

    @overload(some)
    def _overload_some(value):
        if value == _FOUR:
            return lambda value: _some(value)
        return lambda value: value != 0
