"""The library that the pages of the course build, block by block; a test compares this file with them."""

# Page 1: value and tracer
import numpy as np


class Trace:
    """Decides what an operation does. parent: the trace that decided before."""

    def __init__(self, parent):
        self.parent = parent


class Evaluation(Trace):
    def process(self, name, args, params):
        return compute[name](*args, **params)


class Tracer:
    """Stands for an array, and belongs to one trace."""

    __array_ufunc__ = None  # NumPy must not compute with it.

    def __init__(self, trace):
        self.trace = trace

    def __add__(self, other):
        return add(self, other)

    def __sub__(self, other):
        return add(self, neg(other))

    def __mul__(self, other):
        return mul(self, other)

    def __neg__(self):
        return neg(self)

    __radd__, __rmul__ = __add__, __mul__


traces = [Evaluation(None)]  # the last one decides


def now():
    return traces[-1]


def bind(name, *args, **params):
    """Each operation comes through here."""
    return now().process(name, args, params)


def under(trace, f, *args):
    """f(*args) while that trace decides."""
    traces.append(trace)
    try:
        return f(*args)
    finally:
        traces.pop()


compute = {
    "add": np.add,
    "mul": np.multiply,
    "neg": np.negative,
    "exp": np.exp,
    "sum": lambda x, axis, n: np.sum(x, axis),
    "spread": lambda x, axis, n: np.repeat(np.expand_dims(x, axis), n, axis),
}


def add(x, y):
    return bind("add", x, y)


def mul(x, y):
    return bind("mul", x, y)


def neg(x):
    return bind("neg", x)


def exp(x):
    return bind("exp", x)


def total(x, axis=0, n=5):
    """The sum over an axis of n elements."""
    return bind("sum", x, axis=axis, n=n)


def spread(x, axis=0, n=5):
    """n copies along a new axis."""
    return bind("spread", x, axis=axis, n=n)


def mine(trace, x):
    """Whether x is a tracer of that trace. All else is a constant to it."""
    return isinstance(x, Tracer) and x.trace is trace


# Page 3: jvp
class JVPTracer(Tracer):
    def __init__(self, trace, primal, tangent):
        super().__init__(trace)
        self.primal, self.tangent = primal, tangent


class JVPTrace(Trace):
    def __init__(self, parent, tangents=None):
        super().__init__(parent)
        self.tangents = tangents or parent  # the trace of the tangents' part

    def split(self, x):
        return (x.primal, x.tangent) if mine(self, x) else (x, 0.0)

    def process(self, name, args, params):
        if not any(mine(self, x) for x in args):
            return self.parent.process(name, args, params)
        primals, tangents = zip(*[self.split(x) for x in args])
        y = self.parent.process(name, primals, params)
        rule = lambda: jvps[name](primals, tangents, **params)
        return JVPTracer(self, y, under(self.tangents, rule))


jvps = {
    "add": lambda x, t: add(t[0], t[1]),
    "mul": lambda x, t: add(mul(t[0], x[1]), mul(x[0], t[1])),
    "neg": lambda x, t: neg(t[0]),
    "exp": lambda x, t: mul(t[0], exp(x[0])),
    "sum": lambda x, t, **params: bind("sum", t[0], **params),
    "spread": lambda x, t, **params: bind("spread", t[0], **params),
}


def jvp(f, primals, tangents):
    trace = JVPTrace(now())
    args = [JVPTracer(trace, x, t) for x, t in zip(primals, tangents)]
    return trace.split(under(trace, f, *args))


# Page 4: jaxprs
class Var:
    """What an equation computes."""


class Equation:
    def __init__(self, name, args, params):
        self.name, self.args, self.params = name, args, params
        self.out = Var()


class StagedTracer(Tracer):
    def __init__(self, trace, var):
        super().__init__(trace)
        self.var = var


class StagingTrace(Trace):
    def __init__(self, parent):
        super().__init__(parent)
        self.equations = []

    def atom(self, x):
        return x.var if mine(self, x) else x

    def process(self, name, args, params):
        equation = Equation(name, [self.atom(x) for x in args], params)
        self.equations.append(equation)
        return StagedTracer(self, equation.out)


def stage(f, n):
    """The program of a function of n arguments."""
    trace = StagingTrace(now())
    args = [Var() for _ in range(n)]
    out = under(trace, f, *[StagedTracer(trace, v) for v in args])
    return Program(args, trace.equations, trace.atom(out))


class Program:
    def __init__(self, args, equations, result):
        self.args, self.equations, self.result = args, equations, result

    def __str__(self):
        names, lines = {}, []

        def show(x):
            if isinstance(x, Var):
                return names.setdefault(x, chr(ord("a") + len(names)))
            return f"{x:.3g}" if np.ndim(x) == 0 else f"array{np.shape(x)}"

        lines.append(f"lambda {' '.join(map(show, self.args))}:")
        for e in self.equations:
            inputs = " ".join(map(show, e.args))
            extra = f"[axis={e.params['axis']}]" if e.params else ""
            lines.append(f"  {show(e.out)} = {e.name}{extra} {inputs}")
        return "\n".join([*lines, f"  return {show(self.result)}"])


def run(program, *args):
    values = dict(zip(program.args, args))

    def read(x):
        return values[x] if isinstance(x, Var) else x

    for e in program.equations:
        values[e.out] = bind(e.name, *map(read, e.args), **e.params)
    return read(program.result)


# Page 5: linearize and transpose
class TangentTrace(StagingTrace):
    def process(self, name, args, params):
        if any(mine(self, x) for x in args):
            return super().process(name, args, params)
        return self.parent.process(name, args, params)


def linearize(f, *primals):
    """(f(*primals), the program of the tangents)"""
    tangents, args = TangentTrace(now()), [Var() for _ in primals]
    trace = JVPTrace(now(), tangents)
    unknowns = [StagedTracer(tangents, v) for v in args]
    inputs = [JVPTracer(trace, x, t) for x, t in zip(primals, unknowns)]
    y, y_dot = trace.split(under(trace, f, *inputs))
    return y, Program(args, tangents.equations, tangents.atom(y_dot))


transposes = {
    "add": lambda ct, x, y: (ct, ct),
    "mul": lambda ct, x, y: (mul(ct, y), None) if isinstance(x, Var) else (None, mul(x, ct)),
    "neg": lambda ct, x: (neg(ct),),
    "sum": lambda ct, x, **params: (bind("spread", ct, **params),),
    "spread": lambda ct, x, **params: (bind("sum", ct, **params),),
}


def transpose(program, ct):
    """The cotangents of the arguments, from that of the result."""
    cts = {program.result: ct}
    for e in reversed(program.equations):
        if e.out in cts:
            rule = transposes[e.name]
            for x, c in zip(e.args, rule(cts.pop(e.out), *e.args, **e.params)):
                if isinstance(x, Var):
                    cts[x] = add(cts[x], c) if x in cts else c
    return [cts.get(v, 0.0) for v in program.args]


def grad(f):
    return lambda *args: transpose(linearize(f, *args)[1], 1.0)[0]


# Page 6: vmap
class BatchTracer(Tracer):
    """One example of many; the array has them all, along its first axis."""

    def __init__(self, trace, array):
        super().__init__(trace)
        self.array = array


class BatchTrace(Trace):
    def process(self, name, args, params):
        if not any(mine(self, x) for x in args):
            return self.parent.process(name, args, params)
        arrays = [x.array if mine(self, x) else x for x in args]
        out = under(self.parent, lambda: batches[name](*arrays, **params))
        return BatchTracer(self, out)


batches = {
    "add": add,
    "mul": mul,
    "neg": neg,
    "exp": exp,
    "sum": lambda x, axis, n: total(x, axis + 1, n),
    "spread": lambda x, axis, n: spread(x, axis + 1, n),
}


def vmap(f, in_axes):
    """f on each example. in_axes: 0 for an argument with examples, or None."""

    def mapped(*args):
        trace = BatchTrace(now())
        inputs = [x if axis is None else BatchTracer(trace, x) for x, axis in zip(args, in_axes)]
        return under(trace, f, *inputs).array

    return mapped


# Page 8: jit
forms = {
    "add": "{} + {}",
    "mul": "{} * {}",
    "neg": "-{}",
    "exp": "np.exp({})",
    "sum": "np.sum({}, {axis})",
    "spread": "np.repeat(np.expand_dims({}, {axis}), {n}, {axis})",
}


def source(program):
    """(a function's text over NumPy, the arrays that it needs)"""
    names, arrays = {}, {}

    def show(x):
        if isinstance(x, Var):
            return names.setdefault(x, f"v{len(names)}")
        if np.ndim(x) == 0:
            return repr(float(x))
        name = f"array{len(arrays)}"
        arrays[name] = x
        return name

    lines = [f"def program({', '.join(map(show, program.args))}):"]
    for e in program.equations:
        text = forms[e.name].format(*map(show, e.args), **e.params)
        lines.append(f"    {show(e.out)} = {text}")
    return "\n".join([*lines, f"    return {show(program.result)}"]), arrays


def jit(f):
    programs = {}

    def jitted(*args):
        if any(isinstance(x, Tracer) for x in args):
            return f(*args)
        key = tuple((np.shape(x), np.result_type(x)) for x in args)
        if key not in programs:
            text, names = source(stage(f, len(args)))
            exec(text, names | {"np": np}, names)
            programs[key] = names["program"]
        return programs[key](*args)

    return jitted


# Page 10: custom derivatives
def custom_jvp(name, f, rule):
    """An operation: f computes it with NumPy, rule(x, t) is its tangent."""
    compute[name], jvps[name] = f, rule
    return lambda *args: bind(name, *args)


# Page 13: axes
def psum(x, n):
    """The sum over the n copies that a vmap makes."""
    return bind("psum", x, n=n)


batches["psum"] = lambda x, n: spread(total(x, 0, n), 0, n)
jvps["psum"] = lambda x, t, n: psum(t[0], n)
transposes["psum"] = lambda ct, x, n: (psum(ct, n),)
