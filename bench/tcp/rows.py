"""Which I/O is measured, and what SPDK reaches of it."""

KIB = 1024

# Depth is the total over all queues.
SHAPES = [(4 * KIB, 1, 1), (4 * KIB, 32, 1), (4 * KIB, 128, 1), (4 * KIB, 32, 4), (4 * KIB, 128, 4), (128 * KIB, 8, 1),
          (128 * KIB, 32, 1)]

# SPDK 26.05 at its best (cubic, zero-copy) over bare sockets, both measured on a machine of this kind:
# (storage, rw, bytes, depth, queues) -> its share.
SPDK = {
    ("ram", "randread", 4096, 1, 1): 0.80, ("ram", "randread", 4096, 32, 1): 0.64,
    ("ram", "randread", 4096, 128, 1): 0.63,
    ("ram", "randread", 4096, 32, 4): 0.51, ("ram", "randread", 4096, 128, 4): 0.67,
    ("ram", "randwrite", 4096, 1, 1): 0.79, ("ram", "randwrite", 4096, 32, 1): 0.42,
    ("ram", "randwrite", 4096, 128, 1): 0.45,
    ("ram", "read", 131072, 8, 1): 0.84, ("ram", "read", 131072, 32, 1): 0.99,
    ("ram", "write", 131072, 8, 1): 0.81, ("ram", "write", 131072, 32, 1): 0.99,
    ("null", "randread", 4096, 1, 1): 0.80, ("null", "randread", 4096, 32, 1): 0.66,
    ("null", "randread", 4096, 128, 1): 0.61,
    ("null", "randwrite", 4096, 32, 1): 0.61, ("null", "randwrite", 4096, 128, 1): 0.72,
    ("null", "read", 131072, 32, 1): 0.76, ("null", "write", 131072, 32, 1): 0.94,
}


def rows(smoke):
    """All of them; for a smoke test those of depth 32."""
    made = [{"storage": storage, "rw": prefix + mode, "bytes": size, "depth": depth, "queues": queues}
            for storage in ("ram", "null")
            for size, depth, queues in SHAPES
            for prefix in (["rand"] if size == 4 * KIB else [""])
            for mode in ("read", "write")]
    return [row for row in made if not smoke or row["depth"] == 32]


def key(row):
    return row["storage"], row["rw"], row["bytes"], row["depth"], row["queues"]


def words(row):
    return f"{row['storage']} {row['rw']} {row['bytes'] // KIB}k depth {row['depth']} on {row['queues']}"


def perf_options(row):
    return {"rw": row["rw"], "bs": row["bytes"], "depth": row["depth"] // row["queues"], "queues": row["queues"]}


def spdk_factor(row):
    """How far ahead of SPDK a row is to be."""
    if row["bytes"] != 4 * KIB or row["depth"] == 1:
        return 1.0
    if row["storage"] == "null":
        return 1.3
    return 1.4 if row["rw"] == "randread" else 2.0
